"""The flame graph against d3-flame-graph and Plotly's icicle: same trees, same Chromium, medians of interleaved rounds.

Fetches the two references from npm into a temporary folder. Run as `python -m benchmarks.flame_render`
(`--alone` leaves them out, `--plotly-large` also lets Plotly draw 200,000 nodes, which takes minutes; `--rounds N`).
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from playwright.sync_api import Browser, CDPSession, sync_playwright

from profiler_server.codecs.flame_payload import encode_flame
from profiler_server.core.profile import Int64Array, SampleType
from profiler_server.core.tree import FlameTree, subtree_ends, subtree_sums
from tests.browser import chromium

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "dashboards" / "static" / "dashboards"
PACKAGES = {"d3": "d3@7.9.0", "d3-flame-graph": "d3-flame-graph@4.1.3", "plotly": "plotly.js-dist-min@3.1.0"}
FILES = {
    "d3.js": "d3/dist/d3.min.js",
    "d3-flamegraph.js": "d3-flame-graph/dist/d3-flamegraph.min.js",
    "d3-flamegraph.css": "d3-flame-graph/dist/d3-flamegraph.css",
    "plotly.js": "plotly.js-dist-min/plotly.min.js",
}
FUNCTIONS = 4_000
SEED = 7
ROUNDS = 5
PAGE_SECONDS = 240
PLOTLY_NODES = 10_000
# Frames are produced as soon as they are ready, so that the wait for a display's clock is not counted as work.
FLAGS = (
    "--disable-frame-rate-limit",
    "--disable-gpu-vsync",
    "--js-flags=--expose-gc",
    "--enable-precise-memory-info",
)
# Chromium still starts and ends processes after a page has loaded; a paint beside them would measure the scheduler.
CALM_SECONDS, CALM_SHARE, CALM_ROUNDS, CALM_DEADLINE_SECONDS = 0.1, 0.1, 3, 10.0
MEASURES = ("paint", "cpu", "zoom", "search", "hover")


@dataclass(frozen=True)
class Case:
    """One tree to draw."""

    name: str
    nodes: int
    diff: bool


CASES = (
    Case("1,000", 1_000, diff=False),
    Case("10,000", 10_000, diff=False),
    Case("200,000", 200_000, diff=False),
    Case("200,000 diff", 200_000, diff=True),
)
TARGETS = {
    ("10,000", "paint"): 60.0,
    ("200,000 diff", "paint"): 150.0,
    ("200,000 diff", "zoom"): 20.0,
    ("200,000 diff", "search"): 60.0,
    ("200,000 diff", "hover"): 16.0,
    ("200,000 diff", "heap"): 25.0,
    ("200,000 diff", "payload"): 1.5,
}


def a_tree(nodes: int, *, diff: bool) -> FlameTree:
    """Return a tree of `nodes` nodes with the depth, the repetition of names and the skew of a large Go heap."""
    rng = np.random.default_rng(SEED)
    depth = _depths(rng, nodes)
    parent = np.full(nodes, -1, np.int32)
    last = np.zeros(int(depth.max()) + 2, np.int32)
    for i in range(nodes):
        if i:
            parent[i] = last[depth[i] - 1]
        last[depth[i]] = i
    leaf = np.ones(nodes, np.bool_)
    leaf[parent[1:]] = False
    name_id = np.minimum((rng.pareto(0.8, nodes) * 20).astype(np.int64), FUNCTIONS - 2).astype(np.int32) + 1
    name_id[0] = 0
    sampled = np.minimum(rng.pareto(1.2, nodes), 3e3)
    after = np.where(leaf | (rng.random(nodes) < 0.08), (sampled * 512).astype(np.int64) * 16 + 16, 0)
    grown = np.where(rng.random(nodes) < 0.6, after, (after * rng.random(nodes) * 1.5).astype(np.int64))
    return _tree(parent, depth, name_id, after, after - grown if diff else None)


def _depths(rng: np.random.Generator, nodes: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    climbs = rng.geometric(0.48, nodes) - 1
    depth = np.zeros(nodes, np.int32)
    for i in range(1, nodes):
        depth[i] = 1 if i % 3000 == 1 else max(1, min(depth[i - 1] + 1 - climbs[i], 58))
    return depth


def _tree(
    parent: Any, depth: Any, name_id: Any, flat: Int64Array, flat_delta: Int64Array | None
) -> FlameTree:
    end = subtree_ends(parent, depth)
    names = [
        f"github.com/org{k % 37}/pkg{k % 211}/sub{k % 11}.(*Type{k % 97}).Method{k}" for k in range(FUNCTIONS)
    ]
    files = [
        f"/go/src/github.com/org{k % 37}/pkg{k % 211}/sub{k % 11}/file{k % 400}.go" for k in range(FUNCTIONS)
    ]
    lines = tuple(1 + k % 900 for k in range(FUNCTIONS))
    return FlameTree(
        parent, depth, end, name_id, ("total", *names[1:]), ("", *files[1:]), lines,
        subtree_sums(flat, end), flat, None if flat_delta is None else subtree_sums(flat_delta, end), flat_delta,
        SampleType("inuse_space", "bytes"),
    )  # fmt: skip


def nested(tree: FlameTree) -> bytes:
    """Return the tree as the nested JSON that d3-flame-graph reads (with `delta` where there is one)."""
    made: list[dict[str, Any]] = []
    for i in range(len(tree)):
        node: dict[str, Any] = {
            "name": tree.names[tree.name_id[i]],
            "value": int(tree.value[i]),
            "children": [],
        }
        if tree.delta is not None:
            node["delta"] = int(tree.delta[i])
        made.append(node)
        if i:
            made[tree.parent[i]]["children"].append(node)
    return json.dumps(made[0], separators=(",", ":")).encode()


def columns(tree: FlameTree) -> bytes:
    """Return the tree as the columns that Plotly's icicle reads."""
    content = {
        "ids": [str(i) for i in range(len(tree))],
        "labels": [tree.names[i] for i in tree.name_id.tolist()],
        "parents": ["", *(str(i) for i in tree.parent[1:].tolist())],
        "values": tree.value.tolist(),
    }
    return json.dumps(content, separators=(",", ":")).encode()


PAGE = """<!doctype html><html data-theme="light"><head><meta charset="utf-8"><title>bench</title>
<link rel="stylesheet" href="/static/flame.css"><link rel="stylesheet" href="/lib/d3-flamegraph.css">
<link rel="stylesheet" href="/page.css">%s</head><body><div id="host"></div>
<script type="module" src="/driver.js"></script></body></html>"""
PAGE_CSS = """:root{--panel:#fff;--text:#111;--muted:#666;--line:#ccc}
body{margin:0}#host{height:800px;width:1400px;overflow:auto}"""
SCRIPTS = {
    "plimsoll": "",
    "d3-flame-graph": '<script src="/lib/d3.js"></script><script src="/lib/d3-flamegraph.js"></script>',
    "plotly icicle": '<script src="/lib/plotly.js"></script>',
}
DRIVER = (ROOT / "benchmarks" / "flame_render.js").read_bytes
PATHS = {"plimsoll": "binary", "d3-flame-graph": "nested", "plotly icicle": "columns"}


class _Handler(BaseHTTPRequestHandler):
    bodies: dict[str, tuple[bytes, str]] = {}

    def do_GET(self) -> None:
        body, kind = self.bodies.get(self.path, (b"", "text/plain"))
        self.send_response(200 if self.path in self.bodies else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serving(bodies: dict[str, tuple[bytes, str]]) -> Iterator[str]:
    """Serve `bodies` by path on a free port of the loopback."""
    handler = type("Handler", (_Handler,), {"bodies": bodies})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def fetch_references(folder: Path) -> dict[str, tuple[bytes, str]]:
    """Install the references with npm and return their files by path; without npm, none."""
    if not shutil.which("npm"):
        print("npm is not installed: the references are left out")
        return {}
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts")
    command = ["npm", "install", *quiet, "--prefix", str(folder), *PACKAGES.values()]
    done = subprocess.run(command, check=False, capture_output=True, timeout=300)
    if done.returncode:
        print(f"npm could not fetch the references: {done.stderr.decode()[-400:]}")
        return {}
    kinds = {".js": "text/javascript", ".css": "text/css"}
    return {
        f"/lib/{name}": ((folder / "node_modules" / path).read_bytes(), kinds[Path(name).suffix])
        for name, path in FILES.items()
    }


def static_bodies() -> dict[str, tuple[bytes, str]]:
    """Return the renderer's own files and the pages of the benchmark."""
    bodies = {
        f"/static/{path.name}": (path.read_bytes(), "text/javascript") for path in STATIC.glob("flame*.js")
    }
    bodies["/static/flame.css"] = ((STATIC / "flame.css").read_bytes(), "text/css")
    bodies["/page.css"] = (PAGE_CSS.encode(), "text/css")
    bodies["/driver.js"] = (DRIVER(), "text/javascript")
    for name, scripts in SCRIPTS.items():
        bodies[f"/{name.replace(' ', '-')}.html"] = ((PAGE % scripts).encode(), "text/html")
    return bodies


def measure(browser: Browser, base: str, renderer: str, case: Case) -> dict[str, float]:
    """Draw one tree in a fresh page; return milliseconds and the heap in MB."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    try:
        page.set_default_timeout(PAGE_SECONDS * 1000)
        page.goto(f"{base}/{renderer.replace(' ', '-')}.html")
        page.wait_for_function("typeof window.benchmark === 'object'")
        source = f"/data/{PATHS[renderer]}/{case.name}"
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.evaluate("([r, s, d]) => window.benchmark.load(r, s, d)", [renderer, source, case.diff])
        wait_until_calm(browser)
        before = processor_seconds(session)
        paint: float = page.evaluate("() => window.benchmark.paint()")
        cpu = (processor_seconds(session) - before) * 1000
        rest: dict[str, float] = page.evaluate("() => window.benchmark.rest()")
        found = {"paint": paint, "cpu": cpu, **rest}
        session.send("HeapProfiler.collectGarbage")
        used = session.send("Runtime.getHeapUsage")
        found["heap"] = (used["usedSize"] + used.get("backingStorageSize", 0)) / 1e6
        return found
    finally:
        page.close()


def wait_until_calm(browser: Browser) -> None:
    """Wait until all of Chromium's processes together use less than `CALM_SHARE` of a processor."""
    session = browser.new_browser_cdp_session()
    deadline, calm, before = time.monotonic() + CALM_DEADLINE_SECONDS, 0, chromium_seconds(session)
    while calm < CALM_ROUNDS and time.monotonic() < deadline:
        time.sleep(CALM_SECONDS)
        now = chromium_seconds(session)
        calm = calm + 1 if now - before < CALM_SHARE * CALM_SECONDS else 0
        before = now
    session.detach()


def chromium_seconds(session: CDPSession) -> float:
    """Return the processor time of all of Chromium's processes so far."""
    return float(sum(one["cpuTime"] for one in session.send("SystemInfo.getProcessInfo")["processInfo"]))


def processor_seconds(session: CDPSession) -> float:
    """Return the processor time of the page's main thread so far: what a busy machine does not stretch."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def renderers_for(case: Case, references: bool, plotly_large: bool) -> list[str]:
    """Return who draws this tree; Plotly only what it can draw in bearable time, and no comparison."""
    names = ["plimsoll"]
    if references:
        names.append("d3-flame-graph")
        if not case.diff and (case.nodes <= PLOTLY_NODES or plotly_large):
            names.append("plotly icicle")
    return names


def payload_sizes(tree: FlameTree) -> tuple[bytes, float, float]:
    """Return the payload and its size in MB with gzip and with zstd, as the server compresses it."""
    body = encode_flame(tree)
    return body, len(gzip.compress(body, 5)) / 1e6, len(zstandard.compress(body, 3)) / 1e6


def run(rounds: int, *, plotly_large: bool, alone: bool) -> int:
    """Measure everything, print it, and return how many targets were missed."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="flame-bench-") as folder:
        bodies = static_bodies() | (references := {} if alone else fetch_references(Path(folder)))
        sizes: dict[str, float] = {}
        for case in CASES:
            tree = a_tree(case.nodes, diff=case.diff)
            body, gzipped, packed = payload_sizes(tree)
            sizes[case.name] = max(gzipped, packed)
            bodies[f"/data/binary/{case.name.replace(' ', '%20')}"] = (body, "application/octet-stream")
            bodies[f"/data/nested/{case.name.replace(' ', '%20')}"] = (nested(tree), "application/json")
            bodies[f"/data/columns/{case.name.replace(' ', '%20')}"] = (columns(tree), "application/json")
            whole = len(body) / 1e6
            print(
                f"{case.name:>14} nodes: payload {whole:.2f} MB, gzip {gzipped:.2f} MB, zstd {packed:.2f} MB"
            )
        print(
            f"\nmilliseconds, medians of {rounds} interleaved rounds; cpu is the processor time of paint; heap in MB\n"
        )
        print(f"{'nodes':>14}  {'renderer':<15}" + "".join(f"{name:>9}" for name in (*MEASURES, "heap")))
        with serving(bodies) as base, sync_playwright() as playwright:
            path = chromium.find()
            browser = playwright.chromium.launch(executable_path=path, args=[*chromium.ARGUMENTS, *FLAGS])
            for case in CASES:
                medians = _rounds(browser, base, case, (rounds, bool(references), plotly_large))
                medians["plimsoll"]["payload"] = sizes[case.name]
                missed += _print_case(case, medians)
            browser.close()
    return missed


def _rounds(
    browser: Browser, base: str, case: Case, how: tuple[int, bool, bool]
) -> dict[str, dict[str, float]]:
    rounds, references, plotly_large = how
    names = renderers_for(case, references, plotly_large)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            if name == "plotly icicle" and number:
                continue  # one round of the slowest is enough
            found[name].append(measure(browser, base, name, case))
    return {
        name: {key: statistics.median(each[key] for each in results) for key in (*MEASURES, "heap")}
        for name, results in found.items()
    }


def _print_case(case: Case, medians: dict[str, dict[str, float]]) -> int:
    own = medians["plimsoll"]
    for name, values in medians.items():
        cells = "".join(f"{values[key]:>9.1f}" for key in (*MEASURES, "heap"))
        times = ", ".join(f"{values[key] / own[key]:.1f}×" for key in MEASURES)
        ratio = "" if name == "plimsoll" else f"   = {times} ours"
        print(f"{case.name:>14}  {name:<15}{cells}{ratio}")
    missed = 0
    for (where, key), target in TARGETS.items():
        if where == case.name:
            met = own[key] <= target
            missed += not met
            print(f"{'':>16}{key} {own[key]:.1f} {'≤' if met else '> (missed)'} {target:g}")
    return missed


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--plotly-large", action="store_true")
    parser.add_argument("--alone", action="store_true", help="leave the references out")
    arguments, _ = parser.parse_known_args()  # `python -m benchmarks flame_render` passes the names on
    missed = run(arguments.rounds, plotly_large=arguments.plotly_large, alone=arguments.alone)
    print(f"\n{missed} target(s) missed" if missed else "\nall targets met")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
