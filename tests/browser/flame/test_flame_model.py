"""The browser's trees obey the same laws as the server's: totals, focus, hide, callers, tables, paths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from profiler_server.core.filters import focus, hide
from profiler_server.core.profile import Profile
from profiler_server.core.top import callers_callees, top_table
from profiler_server.core.tree import FlameTree, diff_tree, flame_tree
from tests.browser.flame.stage import Watch, recorded

TYPE = "inuse_space"
RUN = "github.com/grab/async.(*task).Run"


@pytest.fixture(scope="module")
def profile() -> Profile:
    return recorded("context-leak")


def by_path(tree: FlameTree) -> dict[str, int]:
    """Return cumulative values by path, of every node that has one."""
    paths: list[str] = []
    for i in range(len(tree)):
        name = f"{tree.names[tree.name_id[i]]}"
        paths.append(f"{paths[tree.parent[i]]};{name}" if i else name)
    return {path: int(value) for path, value in zip(paths, tree.value.tolist(), strict=True) if value}


def in_browser(watch: Watch, focused: list[str], hidden: list[str]) -> dict[str, int]:
    """Return the transformed tree's cumulative values by path."""
    found: dict[str, int] = watch.page.evaluate(
        """async ([focus, hide]) => { const { transformed } = await import('/static/dashboards/flame_transform.js');
             const d = transformed(panel.data, { focus, hide }); const found = {}; const paths = [];
             for (let i = 0; i < d.nodes; i += 1) {
               paths.push(i ? `${paths[d.parent[i]]};${d.label(i)}` : d.label(i));
               if (d.current[i]) found[paths[i]] = d.current[i]; }
             return found; }""",
        [focused, hidden],
    )
    return found


def test_the_tree_arrives_whole(watch: Watch, profile: Profile) -> None:
    watch.panel()
    assert in_browser(watch, [], []) == by_path(flame_tree(profile, TYPE))


def test_focus_and_hide_mean_what_they_mean_on_the_server(watch: Watch, profile: Profile) -> None:
    watch.panel()
    assert in_browser(watch, ["WithCancel"], []) == by_path(flame_tree(focus(profile, "WithCancel"), TYPE))
    assert in_browser(watch, [], ["/Consume/"]) == by_path(flame_tree(hide(profile, "Consume"), TYPE))


def test_the_table_is_the_servers(watch: Watch, profile: Profile) -> None:
    watch.panel()
    found: dict[str, list[float]] = watch.page.evaluate(
        """async () => { const { functionTable } = await import('/static/dashboards/flame_transform.js');
             const d = panel.data; const table = functionTable(d);
             return Object.fromEntries(Array.from(table.rows, (k) => [`${d.names[k]}|${d.files[d.fileOf[k]]}`,
               [table.flat[k], table.cumulative[k]]])); }"""
    )
    rows = top_table(profile, TYPE)
    assert found == {f"{row.frame.function}|{row.frame.file}": [row.flat, row.cumulative] for row in rows}


def test_callers_and_callees_are_the_servers(watch: Watch, profile: Profile) -> None:
    watch.panel()
    found: dict[str, dict[str, int]] = watch.page.evaluate(
        """async (name) => { const { nameIndex, sandwich } = await import('/static/dashboards/flame_transform.js');
             const { callers, callees } = sandwich(panel.data, nameIndex(panel.data, name));
             const first = (d) => { const sums = {};
               for (let c = 1; c < d.nodes; c = d.end[c]) sums[d.label(c)] = (sums[d.label(c)] ?? 0) + d.current[c];
               return sums; };
             return { callers: first(callers), callees: first(callees), total: callees.current[0] }; }""",
        RUN,
    )
    (expected,) = callers_callees(profile, RUN, TYPE)
    assert found["total"] == expected.row.cumulative
    assert found["callers"] == {each.frame.function: each.value for each in expected.callers}
    assert found["callees"] == {each.frame.function: each.value for each in expected.callees}


def test_a_comparison_has_both_sides(watch: Watch) -> None:
    watch.panel("diff=1")
    found: dict[str, Any] = watch.page.evaluate(
        "() => { const { current, baseline, width } = panel.data; "
        "return { now: [...current], before: [...baseline], widths: [...width] }; }"
    )
    tree = diff_tree(recorded("context-leak"), recorded("context-leak", 5), TYPE)
    assert tree.delta is not None
    assert found["now"] == tree.value.tolist()
    assert found["before"] == (tree.value - tree.delta).tolist()
    assert np.allclose(found["widths"], np.array(found["now"]) + np.array(found["before"]))


def test_normalising_scales_the_baseline_only(watch: Watch) -> None:
    watch.panel("diff=1")
    before, after = watch.page.evaluate(
        "() => { const d = panel.data; const read = () => [d.delta(0), d.width[0]]; const a = read(); "
        "panel.setScale(d.current[0] / d.baseline[0]); return [a, read()]; }"
    )
    assert before[0] > 0
    assert after[0] == pytest.approx(0, abs=1e-3)
    assert after[1] > before[1]


def test_every_node_is_found_by_its_path(watch: Watch) -> None:
    watch.panel("trace=py-module-list")
    wrong: list[int] = watch.page.evaluate(
        "() => { const { data } = panel; "
        "return [...Array(data.nodes).keys()].filter((i) => data.findPath(data.pathKey(i)) !== i); }"
    )
    assert wrong == []


def test_pointing_finds_what_is_drawn(watch: Watch) -> None:
    watch.panel("trace=py-module-list")
    wrong: int = watch.page.evaluate(
        """() => { const { data } = panel; let wrong = 0;
             for (let i = 0; i < data.nodes; i += 1) {
               if (data.width[i] > 0 && data.at(data.level[i], data.left[i] + data.width[i] / 2) !== i) wrong += 1; }
             return wrong; }"""
    )
    assert wrong == 0


def test_the_sum_of_widths_on_a_level_never_exceeds_the_whole(watch: Watch) -> None:
    watch.panel("diff=1&trace=oom-restarts")
    shares: list[float] = watch.page.evaluate(
        """() => { const { data } = panel; const sums = new Array(data.depth).fill(0);
             for (let i = 0; i < data.nodes; i += 1) sums[data.level[i]] += data.width[i];
             return sums.map((sum) => sum / data.width[0]); }"""
    )
    assert max(shares) <= 1 + 1e-9
