"""Leaks of every kind, each with the path that a person would expect to read; run by test_planted_leaks.py.

`@leak(pattern)` registers a function that keeps `COUNT` payloads alive somewhere; the pattern must match the path of
the largest share.  The payload is allocated in the leaking function itself, which is therefore the call site.
"""

from __future__ import annotations

import array
import asyncio
import atexit
import collections
import contextvars
import ctypes
import dataclasses
import functools
import gc
import io
import itertools
import json
import logging.handlers
import queue
import re
import signal
import sqlite3
import sys
import threading
import types
import weakref
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import plimsoll_agent_native as native

COUNT = 200
SIZE = 9_000
INTERVAL_BYTES = 16_384
SECRET = "s3cr3t"
EXPLAINED_MIN = 0.9

LEAKS: list[tuple[Callable[[], object], str]] = []
shop: Any = types.ModuleType("shop.state")
sys.modules["shop.state"] = shop


def leak(pattern: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    def register(function: Callable[[], object]) -> Callable[[], object]:
        LEAKS.append((function, pattern))
        return function

    return register


class Order:
    """An instance with ordinary attributes."""

    def __init__(self, lines: object) -> None:
        self.lines = lines


class Slim:
    __slots__ = ("payload", "unused")


class SlimChild(Slim):
    __slots__ = ("more",)


class Node:
    def __init__(self, payload: bytes, following: Node | None) -> None:
        self.payload = payload
        self.following = following


class Row(NamedTuple):
    number: int
    text: str


@dataclasses.dataclass
class Invoice:
    text: str


# ---- containers --------------------------------------------------------------------------------------------


@leak(r"^module shop.state → NAMES: list \(200 entries\) → str$")
def str_in_list():
    shop.NAMES = [f"{SECRET}{i}" * (SIZE // 8) for i in range(COUNT)]


@leak(r"^module shop.state → BLOBS: dict \(200 entries\) → bytes$")
def bytes_in_dict():
    shop.BLOBS = {f"{SECRET}-{i}": bytes(SIZE) for i in range(COUNT)}


@leak(r"^module shop.state → KEYED: dict .*→ (key: )?str$")
def str_as_dict_key():
    shop.KEYED = {f"{SECRET}{i}" * (SIZE // 8): i for i in range(COUNT)}


@leak(r"^module shop.state → SEEN: set \(200 entries\) → bytes$")
def bytes_in_set():
    shop.SEEN = {i.to_bytes(4, "big") * (SIZE // 4) for i in range(COUNT)}


@leak(r"^module shop.state → FROZEN: frozenset .*→ str$")
def str_in_frozenset():
    shop.FROZEN = frozenset(str(i) * (SIZE // 3) for i in range(COUNT))


@leak(r"^module shop.state → PAIRS: list .*→ tuple → bytes$")
def bytes_in_tuples():
    shop.PAIRS = [(i, bytes(SIZE)) for i in range(COUNT)]


@leak(r"^module shop.state → RING: deque \(200 entries\) → bytes$")
def bytes_in_deque():
    shop.RING = collections.deque(bytes(SIZE) for _ in range(COUNT))


@leak(r"^module shop.state → ORDERED: OrderedDict \(200 entries\) → bytes$")
def bytes_in_ordered_dict():
    shop.ORDERED = collections.OrderedDict((i, bytes(SIZE)) for i in range(COUNT))


@leak(r"^module shop.state → BIG_ORDERED: OrderedDict \(60,000 entries\) → (its own storage|int)$")
def ordered_dict_nodes():
    shop.BIG_ORDERED = collections.OrderedDict.fromkeys(range(60_000))


@leak(r"^module shop.state → BIG_RING: deque \(200,000 entries\) → its own storage$")
def deque_blocks():
    shop.BIG_RING = collections.deque(itertools.repeat(None, 200_000))


@leak(r"^module shop.state → BY_TENANT: defaultdict .*→ list → bytes$")
def bytes_in_defaultdict():
    shop.BY_TENANT = collections.defaultdict(list)
    for i in range(COUNT):
        shop.BY_TENANT[i % 5].append(bytes(SIZE))


@leak(r"^module shop.state → COUNTS: Counter .*→ (key: )?str$")
def str_in_counter():
    shop.COUNTS = collections.Counter(f"{i}" * (SIZE // 3) for i in range(COUNT))


@leak(r"^module shop.state → CHAIN: ChainMap → ChainMap.maps: list .*→ dict .*→ bytes$")
def bytes_in_chain_map():
    shop.CHAIN = collections.ChainMap({i: bytes(SIZE) for i in range(COUNT)})


@leak(r"^module shop.state → ROWS: list .*→ Row → str$")
def str_in_namedtuples():
    shop.ROWS = [Row(i, str(i) * (SIZE // 3)) for i in range(COUNT)]


@leak(r"^module shop.state → NESTED: dict .*→ dict → list → bytes$")
def bytes_in_nested_dicts():
    shop.NESTED = {i: {"x": [bytes(SIZE)]} for i in range(COUNT)}


@leak(r"^module shop.state → HEAD: Node → Node.following: Node …")
def bytes_in_linked_list():
    shop.HEAD = None
    for _ in range(COUNT):
        shop.HEAD = Node(bytes(SIZE), shop.HEAD)


@leak(r"^module shop.state → HEAP: list .*→ tuple → str$")
def str_in_heap():
    shop.HEAP = [(i, str(i) * (SIZE // 3)) for i in range(COUNT)]


@leak(r"^module shop.state → QUEUE: Queue → Queue.queue: deque \(200 entries\) → bytes$")
def bytes_in_queue():
    shop.QUEUE = queue.Queue()
    for _ in range(COUNT):
        shop.QUEUE.put(bytes(SIZE))


@leak(r"^module shop.state → USERS: UserDict → UserDict.data: dict \(200 entries\) → str$")
def str_in_user_dict():
    shop.USERS = collections.UserDict()
    for i in range(COUNT):
        shop.USERS[i] = str(i) * (SIZE // 3)


@leak(r"^module shop.state → SPARSE: list \(250,000 entries\) → its own storage$")
def list_storage():
    shop.SPARSE = []
    for _ in range(250_000):
        shop.SPARSE.append(None)


@leak(r"^module shop.state → TABLE: dict \(50,000 entries\) → its own storage$")
def dict_storage():
    shop.TABLE = dict.fromkeys(range(50_000))


@leak(r"^module shop.state → NUMBERS: set \(50,000 entries\) → its own storage$")
def set_storage():
    shop.NUMBERS = set()
    for i in range(50_000):
        shop.NUMBERS.add(i)


# ---- buffers -----------------------------------------------------------------------------------------------


@leak(r"^module shop.state → ARRAYS: list .*→ array → its own storage$")
def array_buffers():
    shop.ARRAYS = [array.array("b", bytes(SIZE)) for _ in range(COUNT)]


@leak(r"^module shop.state → BUFFERS: list .*→ bytearray$")
def bytearray_buffers():
    shop.BUFFERS = [bytearray(SIZE) for _ in range(COUNT)]


@leak(
    r"^module shop.state → VIEWS: list .*→ memoryview .*bytearray|^module shop.state → VIEWS: list .*→ memoryview"
)
def bytearray_under_memoryview():
    shop.VIEWS = [memoryview(bytearray(SIZE)) for _ in range(COUNT)]


@leak(r"^module shop.state → FRAMES: list \(200 entries\) → ndarray → its own storage$")
def ndarray_buffers():
    shop.FRAMES = [np.ones(SIZE // 8) for _ in range(COUNT)]


@leak(r"^module shop.state → SLICES: list .*→ ndarray → .*its own storage$")
def ndarray_under_view():
    shop.SLICES = [np.ones(SIZE // 8)[:3] for _ in range(COUNT)]


@leak(r"^module shop.state → OBJECTS: ndarray → bytes$")
def bytes_in_object_ndarray():
    shop.OBJECTS = np.empty(COUNT, dtype=object)
    for i in range(COUNT):
        shop.OBJECTS[i] = bytes(SIZE)


@leak(r"^module shop.state → FILES: list .*→ BytesIO → (its own storage|bytes)$")
def bytes_io():
    shop.FILES = []
    for _ in range(COUNT):
        file = io.BytesIO()
        file.write(bytes(SIZE * 2))
        shop.FILES.append(file)


@leak(r"^module shop.state → TEXTS: list .*→ StringIO → its own storage$")
def string_io():
    shop.TEXTS = []
    for i in range(COUNT):
        file = io.StringIO()
        file.write("a")
        file.seek(SIZE)
        file.write(str(i))
        shop.TEXTS.append(file)


# ---- instances and classes ---------------------------------------------------------------------------------


@leak(r"^module shop.state → ORDERS: list .*→ Order.lines: list → str$")
def str_in_instances():
    shop.ORDERS = [Order([str(i) * (SIZE // 3)]) for i in range(COUNT)]


@leak(r"^module shop.state → PLAIN: list .*→ SimpleNamespace(\.payload: | → )bytes$")
def bytes_in_namespaces():
    shop.PLAIN = [types.SimpleNamespace(payload=bytes(SIZE)) for _ in range(COUNT)]


@leak(r"^module shop.state → INVOICES: list .*→ Invoice.text: str$")
def str_in_dataclasses():
    shop.INVOICES = [Invoice(str(i) * (SIZE // 3)) for i in range(COUNT)]


@leak(r"^module shop.state → SLIMS: list .*→ Slim.payload: bytes$")
def bytes_in_slots():
    shop.SLIMS = []
    for _ in range(COUNT):
        slim = Slim()
        slim.payload = bytes(SIZE)
        shop.SLIMS.append(slim)


@leak(r"^module shop.state → SLIM_CHILDREN: list .*→ SlimChild.payload: bytes$")
def bytes_in_inherited_slots():
    shop.SLIM_CHILDREN = []
    for _ in range(COUNT):
        slim = SlimChild()
        slim.payload = bytes(SIZE)
        shop.SLIM_CHILDREN.append(slim)


@leak(r"→ Registry: class Registry → Registry.entries: list \(200 entries\) → bytes$")
def bytes_in_class_attribute():
    class Registry:
        entries: list[bytes] = []

    shop.Registry = Registry
    for _ in range(COUNT):
        Registry.entries.append(bytes(SIZE))


@leak(r"^module shop.state → CLASSES: list .*→ .*class Made")
def classes_made_at_run_time():
    shop.CLASSES = [type("Made", (), {"payload": bytes(SIZE)}) for _ in range(COUNT)]


@leak(r"^module shop.state → LAZY: list .*→ Lazy.value: bytes$")
def bytes_in_cached_property():
    class Lazy:
        @functools.cached_property
        def value(self) -> bytes:
            return take(bytes(SIZE))

    def take(payload: bytes) -> bytes:
        return payload

    shop.LAZY = [Lazy() for _ in range(COUNT)]
    for lazy in shop.LAZY:
        lazy.__dict__["value"] = bytes(SIZE)


# ---- functions ---------------------------------------------------------------------------------------------


@leak(
    r"^module shop.state → CALLBACK: function str_in_closure.<locals>.callback → closure variable big: list .*→ str$"
)
def str_in_closure():
    big = [str(i) * (SIZE // 3) for i in range(COUNT)]

    def callback() -> list[str]:
        return big

    shop.CALLBACK = callback


@leak(r"function bytes_in_default_argument.<locals>.handler(.*)__defaults__: tuple .*→ list .*→ bytes$")
def bytes_in_default_argument():
    def handler(cache: list[bytes] = []) -> None:  # noqa: B006
        cache.append(bytes(1))

    shop.HANDLER = handler
    for _ in range(COUNT):
        handler.__defaults__[0].append(bytes(SIZE))


@leak(r"function bytes_in_function_attribute.<locals>.view.*cache: list .*→ bytes$")
def bytes_in_function_attribute():
    def view() -> None: ...

    view.cache = [bytes(SIZE) for _ in range(COUNT)]
    shop.VIEW = view


@leak(r"^module shop.state → SIGNALS: list .*→ method.__self__: Order → Order.lines: bytes$")
def bytes_behind_bound_methods():
    shop.SIGNALS = [Order(bytes(SIZE)).__reduce_ex__.__self__.__init__ for _ in range(COUNT)]


@leak(r"^module shop.state → LATER: list .*→ partial.args: tuple .*→ bytes$")
def bytes_in_partials():
    shop.LATER = [functools.partial(print, bytes(SIZE)) for _ in range(COUNT)]


@leak(r"^module shop.state → render: .*lru_cache_wrapper.* → .*bytes$")
def bytes_in_lru_cache():
    @functools.cache
    def render(key: int) -> list[bytes]:
        return [b""]

    shop.render = render
    for i in range(COUNT):
        render(i)[0] = bytes(SIZE)


@leak(
    r"^module shop.state → PENDING: list .*→ generator generator_locals.<locals>.produce → local payload: bytes$"
)
def generator_locals():
    def produce(payload: bytes) -> Iterator[int]:
        yield len(payload)
        yield len(payload)

    shop.PENDING = []
    for _ in range(COUNT):
        generator = produce(bytes(SIZE))
        next(generator)
        shop.PENDING.append(generator)


@leak(r"→ .*coroutine .*handle.*→ local payload: bytes$")
def coroutine_locals_in_tasks():
    async def handle(payload: bytes) -> int:
        await asyncio.get_running_loop().create_future()
        return len(payload)

    async def main() -> None:
        shop.TASKS = [asyncio.ensure_future(handle(bytes(SIZE))) for _ in range(COUNT)]
        await asyncio.sleep(0)

    shop.LOOP = asyncio.new_event_loop()
    shop.LOOP.run_until_complete(main())


@leak(r"^module shop.state → STREAMS: list .*→ async_generator .*stream → local payload: bytes$")
def async_generator_locals():
    async def stream(payload: bytes) -> AsyncIterator[int]:
        yield len(payload)
        yield len(payload)

    async def main() -> None:
        for _ in range(COUNT):
            generator = stream(bytes(SIZE))
            await generator.asend(None)
            shop.STREAMS.append(generator)

    shop.STREAMS = []
    shop.STREAM_LOOP = asyncio.new_event_loop()
    shop.STREAM_LOOP.run_until_complete(main())


# ---- threads, exceptions, interpreter state ----------------------------------------------------------------


@leak(r"→ .*history: list \(200 entries\) → bytes$")
def bytes_in_thread_local():
    shop.LOCAL = threading.local()
    shop.LOCAL.history = [bytes(SIZE) for _ in range(COUNT)]


@leak(r"frame bytes_in_running_thread.<locals>.serve → local batch: list .*→ bytes$")
def bytes_in_running_thread():
    ready = threading.Event()

    def serve() -> None:
        batch = [bytes(SIZE) for _ in range(COUNT)]
        ready.set()
        STOP.wait()
        batch.clear()

    threading.Thread(target=serve, daemon=True).start()
    ready.wait()


STOP = threading.Event()


@leak(r"^module shop.state → CONTEXT: .*→ bytes$")
def bytes_in_context_variable():
    variable: contextvars.ContextVar[list[bytes]] = contextvars.ContextVar("history")
    context = contextvars.copy_context()
    context.run(variable.set, [bytes(SIZE) for _ in range(COUNT)])
    shop.CONTEXT = context


@leak(
    r"^module shop.state → ERRORS: list .*→ .*frame locals_in_tracebacks.<locals>.fail → local request: bytes$"
)
def locals_in_tracebacks():
    def fail() -> None:
        request = bytes(SIZE)
        raise ValueError(len(request))

    shop.ERRORS = []
    for _ in range(COUNT):
        try:
            fail()
        except ValueError as error:
            shop.ERRORS.append(error)


@leak(r"^module shop.state → RAISED: list .*→ ValueError.* → bytes$")
def bytes_in_exception_arguments():
    shop.RAISED = [ValueError(bytes(SIZE)) for _ in range(COUNT)]


@leak(r"bytes_in_atexit_callbacks|held by interpreter state → .*bytes$")
def bytes_in_atexit_callbacks():
    for _ in range(COUNT):
        atexit.register(len, bytes(SIZE))


@leak(r"^module shop.state → MEMORY_LOG: MemoryHandler .*buffer: list .*→ LogRecord.*bytes$")
def bytes_in_log_buffer():
    shop.MEMORY_LOG = logging.handlers.MemoryHandler(capacity=10**9, flushLevel=100)
    for _ in range(COUNT):
        shop.MEMORY_LOG.emit(logging.LogRecord("x", 10, "x", 1, bytes(SIZE), (), None))


# ---- weak references ---------------------------------------------------------------------------------------


@leak(r"^module shop.state → EXTRA: WeakKeyDictionary .*→ bytes$")
def values_of_weak_keys():
    shop.KEEPERS = [Order(None) for _ in range(COUNT)]
    shop.EXTRA = weakref.WeakKeyDictionary()
    for keeper in shop.KEEPERS:
        shop.EXTRA[keeper] = bytes(SIZE)


@leak(r"^module shop.state → STRONG: list .*→ Order.lines: bytes$")
def strong_beside_weak():
    shop.WEAK = weakref.WeakValueDictionary()
    shop.STRONG = []
    for i in range(COUNT):
        order = Order(bytes(SIZE))
        shop.STRONG.append(order)
        shop.WEAK[i] = order


@leak(r"finalize.*→ .*bytes$")
def bytes_in_finalizers():
    shop.FINALIZED = [Order(None) for _ in range(COUNT)]
    for order in shop.FINALIZED:
        weakref.finalize(order, len, bytes(SIZE))


@leak(
    r"^module shop.state → WATCHES: list .*→ ReferenceType.__callback__: function .* → closure variable payload: bytes$"
)
def closures_in_weakref_callbacks():
    shop.WATCHED = [Order(None) for _ in range(COUNT)]
    shop.WATCHES = []

    def watch(order: Order, payload: bytes) -> None:
        shop.WATCHES.append(weakref.ref(order, lambda _: len(payload)))

    for order in shop.WATCHED:
        watch(order, bytes(SIZE))


# ---- native holders ----------------------------------------------------------------------------------------


@leak(r"held by native code")
def references_lost_by_native_code():
    for _ in range(COUNT):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(bytes(SIZE)))


@leak(
    r"held by native code → function closure_in_signal.<locals>.handler → closure variable kept: list .*→ bytes$"
)
def closure_in_signal():
    kept = [bytes(SIZE) for _ in range(COUNT)]

    def handler(number: int, frame: object) -> None:
        kept.append(bytes(number))

    signal.signal(signal.SIGUSR2, handler)


@leak(
    r"held by native code → function closure_in_sqlite.<locals>.lookup → closure variable kept: list .*→ bytes$"
)
def closure_in_sqlite():
    kept = [bytes(SIZE) for _ in range(COUNT)]

    def lookup(number: int) -> bytes:
        return kept[number]

    shop.DATABASE = sqlite3.connect(":memory:", check_same_thread=False)
    shop.DATABASE.create_function("lookup", 1, lookup)


@leak(r"held by native code → list → bytes$|held by native code → list \(200 entries\) → bytes$")
def list_with_a_lost_reference():
    ctypes.pythonapi.Py_IncRef(ctypes.py_object([bytes(SIZE) for _ in range(COUNT)]))


@leak(r"^a reference cycle awaiting collection → .*bytes$")
def cycles_without_collector():
    gc.disable()
    for _ in range(COUNT):
        ring: list[object] = [bytes(SIZE)]
        ring.append(ring)


@leak(r"^module shop.state → TEES: .*→ .*bytes$")
def bytes_in_tee():
    shop.TEES = itertools.tee(bytes(SIZE) for _ in range(COUNT))
    list(shop.TEES[0])


@leak(r"^module shop.state → TREE: Element → .*Element.* → str$")
def text_in_element_tree():
    shop.TREE = ET.Element("root")
    for i in range(COUNT):
        child = ET.SubElement(shop.TREE, "child")
        child.text = str(i) * (SIZE // 3)


def report(function: Callable[[], object], pattern: str) -> dict[str, object]:
    """The verdict on one leak: whether the path with the largest share is the expected one."""
    site = heaviest_stack(function.__qualname__)
    found = native.find_holders(site, method="snapshot")
    path = found["paths"][0]["path"] if found["paths"] else ""
    return {
        "leak": function.__qualname__,
        "found": bool(re.search(pattern, path)) and found["unexplained_share"] <= 1 - EXPLAINED_MIN,
        "path": path,
        "samples": found["samples"],
        "pause_ms": found["pause_ms"],
        "secret": any(SECRET in other["path"] for other in found["paths"]),
        "note": found["note"],
    }


def heaviest_stack(qualname: str) -> list[tuple[str, str, int]]:
    """The stack under the leaking function that holds the most."""
    taken = native.snapshot()
    best = max(
        (
            row
            for row in range(len(taken))
            if any(frame[0].startswith(qualname) for frame in taken.stack(row))
        ),
        key=lambda row: taken.inuse_bytes[row],
        default=None,
    )
    return [(qualname, __file__, 0)] if best is None else taken.stack(best)


def main() -> None:
    native.start(INTERVAL_BYTES)
    for function, pattern in LEAKS:
        native.stop()
        native.start(INTERVAL_BYTES)  # anew, so that each leak is sampled as densely as the next
        function()
        sys.stdout.write(json.dumps(report(function, pattern)) + "\n")
    STOP.set()
    sys.stdout.flush()
    native.stop()
    signal.signal(signal.SIGUSR2, signal.SIG_DFL)


if __name__ == "__main__":
    main()
