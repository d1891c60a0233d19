"""Call sites: who is accused, who is not, and under which frame."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from profiler_server.core.leak.attribute import attribute, site_slopes, sites_confirm
from profiler_server.core.leak.frames import guilty_index, is_runtime, same_type
from profiler_server.core.leak.model import Suspect
from profiler_server.core.leak.window import ServiceWindow, SiteTable
from profiler_server.core.profile import Frame
from tests.unit.leak.recordings import EPOCH, HOUR, MIB, frame

TS = EPOCH + np.arange(12) * HOUR
SERVE = Frame("net/http.(*conn).serve", "/usr/lib/go-1.19/src/net/http/server.go", 1991)
CANCEL = Frame("context.WithCancel", "/usr/lib/go-1.19/src/context/context.go", 236)
RUN = Frame("github.com/grab/async.(*task).Run", "async/task.go", 97)
CONSUME = Frame("github.com/grab/async.Consume.func1", "async/consume.go", 47)
DONE = Frame("context.(*cancelCtx).Done", "/usr/lib/go-1.19/src/context/context.go", 367)
RUN_INNER = Frame("github.com/grab/async.(*task).run", "async/task.go", 140)


def _table(rows: dict[tuple[Frame, ...], np.ndarray], grain: float = 512 * 1024.0) -> SiteTable:  # type: ignore[type-arg]
    return SiteTable("a", EPOCH, TS, tuple(rows), np.array(list(rows.values())), grain)


def _window(table: SiteTable, language: str = "go") -> ServiceWindow:
    return ServiceWindow(float(TS[-1]), 60.0, None, language, (), (), (table,))


def _line(per_hour: float, start: float = 10.0) -> np.ndarray:  # type: ignore[type-arg]
    return (start + per_hour * np.arange(12)) * MIB


def test_the_growing_site_is_accused_and_the_steady_one_is_not() -> None:
    table = _table({(frame("cart.keep"), SERVE): _line(8.0), (frame("cart.render"), SERVE): _line(0.0, 80.0)})
    found = attribute(_window(table), 8.0 * MIB, [("a", EPOCH)])
    assert [s.function for s in found.suspects] == ["cart.keep"]
    assert found.share is not None
    assert found.share.explained == pytest.approx(1.0, rel=0.05)
    assert found.share.tested == 2
    assert sites_confirm(_window(table), 8.0 * MIB, [("a", EPOCH)])


def test_sites_of_one_leak_are_one_suspect_named_outside_the_runtime() -> None:
    table = _table({(CANCEL, RUN, CONSUME): _line(4.0), (DONE, RUN_INNER, RUN, CONSUME): _line(9.0)})
    found = attribute(_window(table), 13.0 * MIB, [("a", EPOCH)])
    assert len(found.suspects) == 1
    assert found.suspects[0].function in (RUN.function, RUN_INNER.function)
    assert found.suspects[0].below[0].startswith("context.")
    assert found.suspects[0].share == pytest.approx(1.0)


def test_methods_of_one_type_are_one_suspect_with_its_members() -> None:
    """A goroutine's stack does not say who started it: (*task).run is grouped with the (*task).Run that did."""
    run = (CANCEL, RUN, CONSUME)
    goroutine = (DONE, RUN_INNER)
    other = (frame("cart.keep"), SERVE)
    table = _table({run: _line(9.0), goroutine: _line(4.0), other: _line(7.0)})
    found = attribute(_window(table), 20.0 * MIB, [("a", EPOCH)])
    assert [s.function for s in found.suspects] == [RUN.function, "cart.keep"]
    first, second = found.suspects
    assert [m.function for m in first.members] == [RUN.function, RUN_INNER.function]
    assert first.share == pytest.approx(sum(m.share for m in first.members)) == pytest.approx(13 / 20)
    assert first.path == (CONSUME.function,)
    assert second.members == ()
    assert Suspect.from_json(json.loads(json.dumps(asdict(first)))) == first


def test_a_group_is_named_by_the_place_that_says_who_calls_it() -> None:
    table = _table({(CANCEL, RUN, CONSUME): _line(7.0), (DONE, RUN_INNER): _line(9.0)})
    (only,) = attribute(_window(table), 16.0 * MIB, [("a", EPOCH)]).suspects
    assert (only.function, only.path) == (RUN.function, (CONSUME.function,))
    assert [m.function for m in only.members] == [RUN_INNER.function, RUN.function]


def test_a_method_of_an_accused_type_is_believed_sooner() -> None:
    steady = {(frame(f"render{i}"), SERVE): _line(0.0, 20.0) for i in range(40)}
    accused = {(CANCEL, RUN, CONSUME): _line(9.0)}
    stranger = _table({**accused, **steady, (DONE, frame("cart.keep")): _line(0.26, 0.3)})
    kin = _table({**accused, **steady, (DONE, RUN_INNER): _line(0.26, 0.3)})
    assert [len(s.members) for s in attribute(_window(stranger), 9.0 * MIB, [("a", EPOCH)]).suspects] == [0]
    assert [len(s.members) for s in attribute(_window(kin), 9.0 * MIB, [("a", EPOCH)]).suspects] == [2]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("async.(*task).Run", "async.(*task).run.func1", True),
        ("async.(*task).Run", "async.(*pool).run", False),
        ("main.make", "main.make.func2.1", True),
        ("main.make", "main.take", False),
        ("Cache.put", "Cache._grow", True),
        ("Cache.put", "Store.put", False),
        ("fill.<locals>.<listcomp>", "fill", True),
        ("handlers.put", "handlers.get", False),
    ],
)
def test_a_type_is_known_by_its_methods_and_a_function_by_its_closures(
    one: str, other: str, *, together: bool
) -> None:
    assert same_type((one, "x/a.go"), (other, "x/a.go")) is together
    assert not same_type((one, "x/a.go"), (other, "y/a.go"))
    is_go_type = together and "(" in one
    assert same_type((one, "x/a.go"), (other, "x/b.go")) is is_go_type


def test_sampling_noise_accuses_few() -> None:
    rng = np.random.default_rng(3)
    grain = 512 * 1024.0
    rows = {(frame(f"f{i}"), SERVE): grain * rng.poisson(20.0, 12).astype(np.float64) for i in range(300)}
    found = attribute(_window(_table(rows)), 1.0 * MIB, [("a", EPOCH)])
    assert found.share is not None
    assert found.share.growing <= 3


def test_what_levels_off_does_not_confirm() -> None:
    full = np.minimum(_line(12.0), 70 * MIB)
    assert not sites_confirm(_window(_table({(frame("cache.put"), SERVE): full})), 4.0 * MIB, [("a", EPOCH)])


def test_an_error_of_a_slope_is_the_samplers() -> None:
    old = replace(_table({(frame("x"),): np.full(12, 8 * MIB)}), started_at=EPOCH - 500 * HOUR)
    fitted = site_slopes(old, 1.0)
    assert fitted is not None
    hours = np.arange(12) - 5.5
    expected = np.sqrt(512 * 1024.0 * (8 * MIB + 512 * 1024.0) / (hours @ hours))
    assert fitted.error[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("which", "language", "runtime"),
    [
        (SERVE, "go", True),
        (RUN, "go", False),
        (Frame("context.WithCancel", "context/context.go", 237), "go", True),
        (Frame("net/http.(*conn).serve", "net/http/server.go", 1991), "go", True),
        (Frame("github.com/grab/async.(*task).Run", "github.com/grab/async@v0.0.1/task.go", 9), "go", False),
        (Frame("main.storeSession", "go/oomloop/main.go", 22), "go", False),
        (Frame("json.loads", "/usr/lib/python3.11/json/__init__.py", 1), "python", True),
        (Frame("handle", "/app/shop/views.py", 7), "python", False),
        (Frame("java.util.HashMap.resize", "java.base/java/util/HashMap.java", 1), "java", True),
        (Frame("com.acme.Cart.add", "com/acme/Cart.java", 9), "java", False),
    ],
)
def test_whose_code_a_frame_is(which: Frame, language: str, *, runtime: bool) -> None:
    assert is_runtime(which, language) is runtime


def test_the_teams_own_frame_comes_before_an_installed_package() -> None:
    package = Frame("Flask.dispatch", "/venv/lib/python3.11/site-packages/flask/app.py", 9)
    own = Frame("checkout", "/app/shop/cart.py", 3)
    assert guilty_index((package, own), "python") == 1
    assert guilty_index((package,), "python") == 0
