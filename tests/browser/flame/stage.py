"""A server for the panel alone: its real template and modules, real recorded profiles, no database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from django.template.loader import render_to_string
from playwright.sync_api import Page

from profiler_server.codecs import pprof
from profiler_server.codecs.flame_payload import encode_flame
from profiler_server.config.middleware import POLICY
from profiler_server.core.profile import Profile
from profiler_server.core.tree import diff_tree, flame_tree

ROOT = Path(__file__).resolve().parents[3]
TRACES = ROOT / "examples" / "traces"
STATIC = ROOT / "dashboards" / "static"
AXE = next((ROOT / "tests" / "browser" / "vendor").glob("axe-*.min.js"))
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
SLOW_SECONDS = 4.0
READBACK = "willReadFrequently"  # said of the tests that look at pixels
PANEL = {
    "service": {"source_url_template": "https://git.example.org/{release}/{file}#L{line}"},
    "release": "v7",
    "file_name": "shop-inuse_space",
    "graph_label": "Flame graph",
    "table_label": "Functions by memory",
    "empty_text": "No inuse space was profiled in this range. Choose a longer range, or another sample type.",
}
PAGE = """<!doctype html><html lang="en" data-theme="light" data-zone="UTC"><head><meta charset="utf-8">
<title>Panel</title>
<link rel="icon" href="/static/dashboards/favicon.svg"><link rel="stylesheet" href="/static/dashboards/base.css">
<link rel="stylesheet" href="/static/dashboards/flame.css"></head><body><main><h1>Panel</h1>%s</main>
<script type="module" src="/panel.js"></script></body></html>"""
SCRIPT = """import { FlamePanel, PANEL_FIELDS } from '/static/dashboards/flame_panel.js';
import { FlameSession } from '/static/dashboards/flame_session.js';
import { PageState } from '/static/dashboards/flame_state.js';
const state = new PageState(PANEL_FIELDS);
const panel = new FlamePanel(document.querySelector('[data-flame-panel]'), state);
const session = new FlameSession(panel, () => `/data${location.search}`);
Object.assign(window, { panel, state, session });
session.addEventListener('loaded', () => { window.loaded = true; });
session.load();"""


def recorded(trace: str, place: int = -1) -> Profile:
    """Return one profile of a recording, the last by default."""
    found = sorted((TRACES / trace / "profiles").glob("*/*.pb.gz"), key=lambda path: float(path.name[:-6]))
    return pprof.decode(found[place].read_bytes())


def payload(trace: str, *, diff: bool) -> bytes:
    """Return a recording's last profile, or its comparison with the fifth, as the page receives it."""
    last = recorded(trace)
    tree = diff_tree(last, recorded(trace, 5), "inuse_space") if diff else flame_tree(last, "inuse_space")
    return encode_flame(tree)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlparse(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        if url.path == "/data":
            return self._data(query)
        if url.path == "/panel":
            body = PAGE % render_to_string("dashboards/parts/flame_panel.html", PANEL)
            return self._answer(body.encode(), "text/html")
        if url.path == "/panel.js":
            return self._answer(SCRIPT.encode(), KINDS[".js"])
        path = STATIC / url.path.removeprefix("/static/")
        if not path.is_file():
            return self._answer(b"", "text/plain", 404)
        return self._answer(path.read_bytes(), KINDS.get(path.suffix, "text/plain"))

    def _data(self, query: dict[str, str]) -> None:
        if query.get("trace") == "broken":
            body = b'{"error":{"code":"limit_exceeded","message":"Choose a shorter range."}}'
            return self._answer(body, "application/json", 413)
        if query.get("trace") == "slow":
            time.sleep(SLOW_SECONDS)
        trace = query.get("trace", "context-leak")
        name = trace if (TRACES / trace).exists() else "context-leak"
        return self._answer(payload(name, diff="diff" in query), "application/octet-stream")

    def _answer(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        for key, value in (
            ("Content-Type", kind), ("Content-Length", str(len(body))), ("Content-Security-Policy", POLICY),
        ):  # fmt: skip
            self.send_header(key, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except BrokenPipeError:
            self.close_connection = True  # the reader cancelled

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def panel_server() -> Iterator[str]:
    """Serve the panel on a free port of the loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Watch:
    """A page, and every complaint that it made."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" or (kind == "warning" and READBACK not in text):
            self.complaints.append(text)

    def panel(self, query: str = "") -> Page:
        """Open the panel alone and wait until its graph is drawn."""
        self.page.goto(f"{self.base}/panel?{query}")
        self.page.wait_for_function("() => window.loaded === true")
        return self.page

    def accessibility_errors(self) -> list[str]:
        """Return what axe-core finds."""
        self.page.evaluate(AXE.read_text())
        found: list[str] = self.page.evaluate(
            """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
                 .map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(' | ')}`)"""
        )
        return found
