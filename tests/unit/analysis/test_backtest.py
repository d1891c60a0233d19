"""`manage.py backtest`: recordings of many shapes in, one line each out; no database anywhere."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from benchmarks.families.judging import write

TASK = ("native", True, 1)
NAME = "native-leak-1"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    write(tmp_path, TASK)
    return tmp_path


def backtest(*paths: Path, **options: Any) -> tuple[list[dict[str, Any]], str, str]:
    """Return the lines, all that was printed, and what was reported."""
    out, err = io.StringIO(), io.StringIO()
    call_command("backtest", *map(str, paths), jobs=1, stdout=out, stderr=err, **options)
    text = out.getvalue()
    return [json.loads(row) for row in text.splitlines() if row.startswith("{")], text, err.getvalue()


def test_a_suite_is_replayed_and_scored(suite: Path) -> None:
    (line,), text, reported = backtest(suite / "traces", labels=suite / "labels")
    assert (line["trace"], line["verdict"], line["diagnosis"]) == (NAME, "leak", "native_leak")
    assert line["alerts"][0] == line["detected_at"]
    assert "f1                               1.000" in text
    assert reported == ""


def test_a_compressed_recording_says_the_same(suite: Path) -> None:
    folder = suite / "traces" / NAME
    plain, _, _ = backtest(folder)
    (folder / "series.csv.gz").write_bytes(gzip.compress((folder / "series.csv").read_bytes()))
    (folder / "series.csv").unlink()
    assert backtest(folder)[0] == plain


def test_bad_rows_are_reported_and_skipped(suite: Path) -> None:
    series = suite / "traces" / NAME / "series.csv"
    before, _, _ = backtest(series.parent)
    rows = series.read_text().splitlines()
    rows[40:40] = ["garbage,row", "nan,pod-0,1,v1,1"]
    series.write_text("\n".join([*rows, "one more"]) + "\n")
    after, _, reported = backtest(series.parent)
    assert after == before
    assert "row 41 skipped" in reported
    assert "row 42 skipped: ts is not finite" in reported


def test_time_instance_and_resident_memory_suffice(suite: Path) -> None:
    series = suite / "traces" / NAME / "series.csv"
    names = series.read_text().splitlines()[0].split(",")
    kept = [names.index(name) for name in ("ts", "instance", "rss_bytes")]
    rows = [row.split(",") for row in series.read_text().splitlines()]
    series.write_text("".join(",".join(row[i] for i in kept) + "\n" for row in rows))
    (suite / "traces" / NAME / "meta.json").unlink()
    (line,), _, reported = backtest(series.parent)
    assert line["verdict"] in ("leak", "healthy")
    assert reported == ""


def test_a_terminal_sees_the_progress(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    backtest(suite / "traces")
    assert terminal.getvalue().endswith("] 1/1\n")


def test_nothing_to_replay_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No recording found"):
        backtest(tmp_path)
