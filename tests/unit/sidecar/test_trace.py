"""Reading recorded traces."""

from __future__ import annotations

import gzip
import json

import pytest
from plimsoll_sidecar.replay import plan
from plimsoll_sidecar.trace import BadTrace, read_trace

SERIES = """ts,instance,started_at,version,rss_bytes,go_stack_inuse,requests,Bad Name
1060,a-1,1000,v1,300,,5,1
1000,a-1,1000,v1,100,7,,1
1030,a-2,1010,,200,8,x,1
"""


def write(folder, *, series=SERIES, meta=None) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "meta.json").write_text(
        json.dumps(meta if meta is not None else {"name": "t", "service": "svc"})
    )
    (folder / "series.csv.gz").write_bytes(gzip.compress(series.encode()))
    (folder / "profiles" / "a-1").mkdir(parents=True, exist_ok=True)
    (folder / "profiles" / "a-1" / "1030.pb.gz").write_bytes(b"\x1f\x8bprofile")
    (folder / "profiles" / "a-1" / "notes.pb.gz").write_bytes(b"")


def test_rows_are_sorted_and_empty_cells_left_out(tmp_path) -> None:
    write(tmp_path)
    trace = read_trace(tmp_path)
    assert [row.ts for row in trace.rows] == [1000, 1030, 1060]
    assert trace.rows[0].columns == {"rss_bytes": 100.0, "stack_bytes": 7.0}
    assert trace.rows[1].release is None
    assert trace.rows[2].columns == {"rss_bytes": 300.0, "requests": 5.0}
    assert [(ts, name) for ts, name, _ in trace.profiles] == [(1030.0, "a-1")]


def test_markers_of_the_contract_only(tmp_path) -> None:
    marks = [{"ts": 5, "kind": "deploy", "version": "v2"}, {"ts": 6, "kind": "party"}, 7]
    write(tmp_path, meta={"name": "t", "markers": marks})
    assert read_trace(tmp_path).markers == ({"ts": 5.0, "kind": "deploy", "version": "v2"},)


@pytest.mark.parametrize("series", ["", "ts,instance\n", "ts,instance\nsoon,a\n", "when,who\n1,a\n"])
def test_a_bad_series_is_refused(tmp_path, series) -> None:
    write(tmp_path, series=series)
    with pytest.raises(BadTrace):
        read_trace(tmp_path)


def test_the_clocks(tmp_path) -> None:
    write(tmp_path)
    trace = read_trace(tmp_path)

    def shift(speed: float, clock: str) -> float:
        return plan(trace, 10_000.0, speed=speed, clock=clock, service="").shift

    assert trace.last_ts + shift(0, "ends-now") == 10_000
    assert trace.last_ts + shift(6, "ends-now") == 10_010
    assert trace.first_ts + shift(6, "starts-now") == 10_000
    assert shift(0, "recorded") == 0
    assert plan(trace, 0.0, speed=0, clock="recorded", service="").service == "svc"
    assert plan(trace, 0.0, speed=0, clock="recorded", service="other").service == "other"
