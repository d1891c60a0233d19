"""Whatever comes in, the forms give a value or a `ProfilerError`."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler_server.core.errors import ProfilerError
from profiler_server.ingest import native_form
from profiler_server.ingest.bodies import parse_json, unpack
from profiler_server.ingest.foreign_profile import heap_profile
from profiler_server.ingest.multipart import read_multipart
from profiler_server.ingest.pyroscope_name import parse_name, parse_time

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def mutated(form: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return the form with one value, at any depth, replaced by anything."""
    paths = list(_paths(form))
    return st.builds(lambda path, value: _replaced(form, path, value), st.sampled_from(paths), JSON_VALUES)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Any:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inner:
        yield from _paths(entry, (*path, key))


def _replaced(form: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(form) if isinstance(form, dict) else list(form)
    copy[path[0]] = _replaced(form[path[0]], path[1:], value)
    return copy


POINTS = {
    "instance": {"service": "s", "key": "k", "started_at": 1.7e9, "release": "r", "language": "go",
                 "labels": {"a": "b"}, "memory_limit_bytes": 5, "agent": "x"},
    "points": {"ts": [1.79e9, 1.79e9 + 1], "columns": {"rss_bytes": [1, None], "x": [2.5, 3]}},
    "markers": [{"ts": 1.79e9, "kind": "deploy", "version": "2", "text": "t"}],
}  # fmt: skip
HOLDERS = {
    "instance": POINTS["instance"], "command_id": "c", "ts": 1.79e9, "method": "census", "pause_ms": 1,
    "unexplained_share": 0, "site": [{"function": "f", "file": "g", "line": 3}],
    "paths": [{"path": "p", "share": 0.5, "objects": 1, "bytes": 2}],
}  # fmt: skip


def check_words(error: ProfilerError) -> None:
    assert 0 < len(str(error)) < 400


def tried(act: Any) -> Any:
    try:
        return act()
    except ProfilerError as error:
        return check_words(error)


@given(mutated(POINTS))
@settings(max_examples=300, deadline=None)
def test_points(form: dict[str, Any]) -> None:
    tried(lambda: native_form.points_of(parse_json(json.dumps(form).encode()), oldest=1.7e9))


@given(mutated(HOLDERS))
@settings(max_examples=200, deadline=None)
def test_holders(form: dict[str, Any]) -> None:
    tried(lambda: native_form.holders_of(parse_json(json.dumps(form).encode())))


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_as_json(body: bytes) -> None:
    tried(lambda: parse_json(body))


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_names(name: str) -> None:
    tried(lambda: parse_name(name))


@given(
    st.from_regex(r"[a-z.\-/]{1,20}", fullmatch=True),
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_.]{0,10}", fullmatch=True),
        st.from_regex(r"[a-z0-9:/.-]{1,10}", fullmatch=True),
        max_size=5,
    ),
)
@settings(max_examples=200, deadline=None)
def test_names_come_back(app: str, labels: dict[str, str]) -> None:
    labels.pop("service_name", None)
    found = parse_name(app + "{" + ",".join(f"{key}={value}" for key, value in labels.items()) + "}")
    assert (found.service, found.labels) == (app, labels)


@given(st.text(max_size=25) | st.integers().map(str))
@settings(max_examples=300, deadline=None)
def test_times(value: str) -> None:
    found = tried(lambda: parse_time(value, NOW))
    assert found is None or found.tzinfo is not None


@given(st.binary(max_size=300), st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_multipart(body: bytes, boundary: str) -> None:
    tried(lambda: read_multipart(body, f"multipart/form-data; boundary={boundary}"))


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.binary(max_size=60), min_size=1, max_size=5
    )
)
@settings(max_examples=200, deadline=None)
def test_parts_come_back(parts: dict[str, bytes]) -> None:
    mark = b"\r\n--a-boundary-that-no-part-holds"
    body = b"".join(
        mark
        + f'\r\nContent-Disposition: form-data; filename="x.bin"; name="{name}"\r\n\r\n'.encode()
        + content
        for name, content in parts.items()
    )
    found = read_multipart(
        (body + mark + b"--").removeprefix(b"\r\n"),
        "multipart/form-data; boundary=a-boundary-that-no-part-holds",
    )
    assert found == parts


@given(st.binary(max_size=300), st.sampled_from(["gzip", "zstd", "", "identity", "br", "x"]))
@settings(max_examples=200, deadline=None)
def test_unpacking(body: bytes, encoding: str) -> None:
    tried(lambda: unpack(body, encoding, max_bytes=1000))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_what_was_packed_comes_back(pack: Any, size: int) -> None:
    assert unpack(pack(bytes(size)), "gzip" if pack is gzip.compress else "zstd", max_bytes=1000) == bytes(
        size
    )


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_one_byte_more_is_too_much(pack: Any) -> None:
    with pytest.raises(ProfilerError, match=r"1,?000"):
        unpack(pack(bytes(1001)), "gzip" if pack is gzip.compress else "zstd", max_bytes=1000)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_foreign_profiles(body: bytes) -> None:
    tried(lambda: heap_profile(body, frozenset(), interval=NOW - NOW))
