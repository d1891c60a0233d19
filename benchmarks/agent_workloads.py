"""Four workloads of services, and a live heap of ordinary objects to run them over.

Each workload is a function without arguments that returns a step: one unit of work, to be called again and again.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable

Step = Callable[[], object]

RECORD_BYTES = 1_900  # of one session with its share of rows, measured
TEMPLATE = """<html><head><title>{{ title }}</title></head><body>
{% for row in rows %}<tr class="{{ loop.cycle('odd','even') }}"><td>{{ row.id }}</td><td>{{ row.name|upper }}</td>
<td>{{ row.tags|join(', ') }}</td>{% if row.price > 50 %}<b>{{ '%.2f'|format(row.price) }}</b>{% else %}
{{ row.price|round(2) }}{% endif %}</tr>{% endfor %}</body></html>"""


class Session:
    """What a web service keeps per visitor."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.number = number
        self.user = {"name": f"user-{number}", "email": f"u{number}@example.org", "age": chance.randrange(90)}
        self.tags = [f"t{chance.randrange(100_000)}" for _ in range(chance.randrange(2, 8))]
        self.blob = bytes(chance.randrange(50, 700))


class Triple:
    """A small object with slots."""

    __slots__ = ("key", "number", "value")

    def __init__(self, key: object, value: object, number: object) -> None:
        self.key, self.value, self.number = key, value, number


def live_heap(megabytes: float) -> dict[str, object]:
    """About so many megabytes of dicts, lists, strings and instances."""
    chance = random.Random(1)
    heap: dict[str, object] = {}
    for i in range(int(megabytes * 1e6 / RECORD_BYTES)):
        heap[f"session:{i}"] = Session(i, chance)
        if i % 8 == 0:
            heap[f"rows:{i}"] = [{"a": j, "b": str(j * i), "c": (j, i)} for j in range(6)]
    return heap


def _documents() -> list[dict[str, object]]:
    chance = random.Random(7)
    return [
        {
            "id": i,
            "title": f"Item {i}",
            "price": chance.random() * 100,
            "attributes": {
                f"k{j}": [f"v{chance.randrange(1000)}", chance.random(), None, True] for j in range(12)
            },
            "reviews": [
                {
                    "user": f"user{chance.randrange(9999)}",
                    "text": "lorem ipsum dolor " * chance.randrange(1, 6),
                }
                for _ in range(8)
            ],
        }
        for i in range(40)
    ]


def json_churn() -> Step:
    """Encode, decode and index documents: the highest rate of small allocations."""
    documents = _documents()
    cache: dict[int, object] = {}
    turn = iter(range(1 << 60))

    def step() -> object:
        back = json.loads(json.dumps(documents))
        index: dict[str, list[Triple]] = {}
        words: dict[str, int] = {}
        for document in back:
            for review in document["reviews"]:
                index.setdefault(review["user"], []).append(Triple(document["id"], review["text"].upper(), 1))
                for word in review["text"].split():
                    words[word] = words.get(word, 0) + 1
        rows = sorted(((user, len(found)) for user, found in index.items()), key=lambda row: row[1])
        small = [{"i": i, "s": f"x{i}"} for i in range(1500)]
        objects = [Triple(i, (i, i + 1), [i]) for i in range(1500)]
        cache[next(turn) % 50] = (rows, small[:100], objects[:100])
        return len(words)

    return step


def flask_requests() -> Step:
    """Requests to a Flask application with a template, query strings and JSON bodies."""
    from flask import Flask, jsonify, request  # noqa: PLC0415 - only this workload needs it

    app = Flask("benchmark")
    template = app.jinja_env.from_string(TEMPLATE)
    chance = random.Random(3)
    products = [
        {"id": i, "name": f"product {i}", "tags": [f"a{i}", f"b{i % 7}"], "price": chance.random() * 100}
        for i in range(500)
    ]

    @app.route("/list")
    def listing() -> str:
        first = int(request.args.get("from", 0))
        rows = [dict(product, rank=rank) for rank, product in enumerate(products[first : first + 25])]
        return template.render(title="List", rows=rows)

    @app.route("/api/<int:number>", methods=["POST"])
    def api(number: int) -> object:
        return jsonify(dict(products[number % 500], query=request.args.to_dict(), body=request.get_json()))

    client = app.test_client()
    turn = iter(range(1 << 60))

    def step() -> object:
        n = next(turn)
        for j in range(3):
            client.get(f"/list?from={(n * 7 + j) % 470}&x={n}").get_data()
        return client.post(f"/api/{n}?a=1", json={"k": list(range(20)), "n": n}).get_data()

    return step


def numpy_frames() -> Step:
    """NumPy arithmetic and pandas grouping: few objects, large buffers."""
    import numpy as np  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    chance = np.random.default_rng(5)
    count = 60_000
    frame = pd.DataFrame(
        {"g": chance.integers(0, 300, count), "x": chance.random(count), "y": chance.random(count)}
    )
    weights = pd.DataFrame({"g": range(300), "w": chance.random(300)})
    kept: list[object] = []

    def step() -> object:
        a = chance.random((900, 900))
        b = a * 2 + 1
        c = np.sort(b, axis=1)
        joined = np.concatenate([a, b, c])
        merged = frame.merge(weights, on="g")
        merged["z"] = merged.x * merged.w
        grouped = merged.groupby("g").agg({"z": "sum", "y": "mean"})
        small = [np.zeros(32) for _ in range(2000)]
        kept.append((c[::2].copy(), grouped))
        del kept[:-4]
        return joined.sum() + len(small)

    return step


def asyncio_storm() -> Step:
    """A storm of short tasks, futures and queues."""
    loop = asyncio.new_event_loop()

    async def leaf(number: int, queue: asyncio.Queue[object]) -> dict[str, object]:
        await asyncio.sleep(0)
        message: dict[str, object] = {"id": number, "text": f"m{number}"}
        await queue.put(message)
        return message

    async def handler(number: int, queue: asyncio.Queue[object]) -> int:
        tasks = [asyncio.ensure_future(leaf(number * 10 + j, queue)) for j in range(5)]
        results = await asyncio.gather(*tasks)
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, len(results))
        await asyncio.wait_for(future, 5)
        return len(results)

    async def consumer(queue: asyncio.Queue[object]) -> None:
        while await queue.get() is not None:
            pass

    async def main(count: int) -> None:
        queue: asyncio.Queue[object] = asyncio.Queue()
        reader = asyncio.ensure_future(consumer(queue))
        await asyncio.gather(*(handler(i, queue) for i in range(count)))
        await queue.put(None)
        await reader

    def step() -> object:
        return loop.run_until_complete(main(100))

    return step


WORKLOADS: dict[str, Callable[[], Step]] = {
    "flask": flask_requests,
    "asyncio": asyncio_storm,
    "json": json_churn,
    "numpy": numpy_frames,
}
