"""What depends on private layouts, under each supported interpreter of this machine; and refusing all others."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.unit.native.other_pythons import build, run

TOUR = """
import asyncio, atexit, collections, ctypes, json, sys, types
import plimsoll_agent_native as native

native.start(1024)
shop = types.ModuleType("shop")
sys.modules["shop"] = shop
COUNT, SIZE = 200, 9000
OUTCOME = {}

def say(name):
    report = native.find_holders([(name, "<string>", 0)])
    OUTCOME[name] = report["paths"][0]["path"] if report["paths"] else report["note"]

class Order:
    def __init__(self, lines): self.lines = lines

def attribute():
    shop.ORDERS = []
    for _ in range(COUNT):
        shop.ORDERS.append(Order(bytes(SIZE)))

def instance_dict():
    shop.LOOSE = []
    for _ in range(COUNT):
        shop.LOOSE.append(Order(bytes(SIZE)))
        vars(shop.LOOSE[-1])["more"] = True  # makes the dict an object

def closure():
    def outer(payload):
        def inner(): return payload
        return inner
    shop.CALLBACKS = []
    for _ in range(COUNT):
        shop.CALLBACKS.append(outer(bytes(SIZE)))

def generator():
    def lines(payload):
        yield 1
        return payload
    shop.CURSORS = []
    for _ in range(COUNT):
        shop.CURSORS.append(lines(bytes(SIZE)))
        next(shop.CURSORS[-1])

def ordered():
    shop.HISTORY = collections.OrderedDict()
    for i in range(COUNT):
        shop.HISTORY[i] = bytes(SIZE)

def queued():
    shop.QUEUE = collections.deque()
    for _ in range(COUNT):
        shop.QUEUE.append(bytes(SIZE))

def at_exit():
    for _ in range(COUNT):
        atexit.register(print, bytes(SIZE))

def native_code():
    # A suspended generator only borrows what it is about to use; one true reference is held by no object.
    def line(payload):
        [payload, (yield)]
    for _ in range(COUNT):
        payload = [bytes(SIZE)]
        cursor = line(payload)
        next(cursor)
        payload.append(cursor)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(payload))

def running():
    mine = [*map(bytes, [SIZE] * COUNT)]
    say("running")

async def task():
    asyncio.current_task().mine = [*map(bytes, [SIZE] * COUNT)]
    say("task")

async def coroutine(holder):
    held = [*map(bytes, [SIZE] * COUNT)]
    await holder

async def loop():
    waiting = asyncio.get_running_loop().create_future()
    shop.WAITING = asyncio.create_task(coroutine(waiting))
    other = asyncio.create_task(task())
    del other  # while it runs, the loop holds it
    for _ in range(3):
        await asyncio.sleep(0)
    say("coroutine")
    waiting.set_result(None)
    await shop.WAITING

for leak in (attribute, instance_dict, closure, generator, ordered, queued, at_exit, native_code):
    leak()
    say(leak.__name__)
running()
asyncio.run(loop())
atexit._clear()
native.stop()
print(json.dumps(OUTCOME))
"""
EXPECTED = {
    "attribute": "module shop → ORDERS: list (200 entries) → Order.lines: bytes",
    "instance_dict": "module shop → LOOSE: list (200 entries) → Order.lines: bytes",
    "closure": "module shop → CALLBACKS: list (200 entries) → "
    "function closure.<locals>.outer.<locals>.inner → closure variable payload: bytes",
    "generator": "module shop → CURSORS: list (200 entries) → "
    "generator generator.<locals>.lines → local payload: bytes",
    "ordered": "module shop → HISTORY: OrderedDict (200 entries) → bytes",
    "queued": "module shop → QUEUE: deque (200 entries) → bytes",
    "at_exit": "held by interpreter state → tuple → bytes",
    "native_code": "held by native code → list → bytes",
    "running": "frame running → local mine: list (200 entries) → bytes",
    "task": "Task.mine: list (200 entries) → bytes",
    "coroutine": "module shop → WAITING: Task → coroutine coroutine → local held: list (200 entries) → bytes",
}
REFUSAL = """
import json, sys
CHANGE
import plimsoll_agent_native as native
try:
    native.start()
    said = ""
except native.UnsupportedInterpreter as error:
    said = str(error)
says = sys.version_info >= (3, 13)
print(json.dumps({"said": said, "says": says, "supported": native.supported(), "stats": native.stats()}))
"""
OTHER_LAYOUT = """
import ctypes
if sys.version_info >= (3, 13):  # which say what they are laid out like: behind a cookie of 8 bytes and the version
    runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    assert ctypes.string_at(runtime, 8) == b"xdebugpy"
    ctypes.c_uint64.from_address(runtime + 16).value = 1  # free-threaded
"""


def test_what_each_interpreter_keeps_in_its_own_way_is_found(other_python: tuple[str, Path]) -> None:
    found = run(*other_python, TOUR)
    missed = {name: found[name] for name, path in EXPECTED.items() if not str(found[name]).endswith(path)}
    assert missed == {}


def test_an_interpreter_that_is_laid_out_otherwise_is_refused(other_python: tuple[str, Path]) -> None:
    result = run(*other_python, REFUSAL.replace("CHANGE", OTHER_LAYOUT))
    if result["says"]:
        assert "headers that do not fit" in str(result["said"])
    assert result["supported"] is not result["says"]


def test_where_the_version_is_not_known_the_extension_builds_and_refuses(tmp_path: Path) -> None:
    built = build(
        sys.executable, tmp_path, "-DPy_STACKREF_DEBUG"
    )  # stands for what no version has without asking
    result = run(sys.executable, built, REFUSAL.replace("CHANGE", ""))
    assert "knows CPython 3.11 to 3.14 with the GIL, not 3." in str(result["said"])
    assert result["supported"] is False
    assert result["stats"] == {"hook_state": 0}
