"""The laws of flame graphs: a tree is what a plain walk over the stacks gives, and pruning keeps every total."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from profiler_server.core.algebra import stack_values
from profiler_server.core.grouping import Granularity
from profiler_server.core.profile import Int64Array, Profile
from profiler_server.core.prune import prune
from profiler_server.core.stacks import sum_by
from profiler_server.core.tree import OTHER_NAME, FlameTree, diff_tree, flame_tree, stack_tree
from tests.property.core.profiles import AMOUNTS, profiles


def paths(tree: FlameTree, values: Int64Array) -> dict[tuple[tuple[str, str, int], ...], int]:
    """Return the values by path from the root (functions, files and lines)."""
    found: list[tuple[tuple[str, str, int], ...]] = []
    for parent, name in zip(tree.parent.tolist(), tree.name_id.tolist(), strict=True):
        step = (tree.names[name], tree.files[name], tree.lines[name])
        found.append(() if parent < 0 else (*found[parent], step))
    assert len(set(found)) == len(found)
    return dict(zip(found, values.tolist(), strict=True))


def walked(profile: Profile) -> tuple[dict[tuple[object, ...], int], dict[tuple[object, ...], int]]:
    """Return (cumulative, flat) by path at line granularity, by a plain walk over every stack."""
    cumulative: dict[tuple[object, ...], int] = {(): 0}
    flat: dict[tuple[object, ...], int] = {}
    for i, value in enumerate(stack_values(profile, "inuse_space").tolist()):
        path = tuple((f.function, f.file, f.line) for f in reversed(profile.stacks.stack(i)))
        flat[path] = flat.get(path, 0) + value
        for depth in range(len(path) + 1):
            cumulative[path[:depth]] = cumulative.get(path[:depth], 0) + value
    return cumulative, flat


def check_shape(tree: FlameTree) -> None:
    """A tree in preorder whose parents, depths and ends agree and whose children account for their parent."""
    n = len(tree)
    assert tree.parent[0] == -1
    assert tree.depth[0] == 0
    assert tree.end[0] == n
    below = np.arange(1, n)
    assert (tree.parent[1:] < below).all()
    assert (tree.depth[1:] == tree.depth[tree.parent[1:]] + 1).all()
    assert (tree.end[1:] <= tree.end[tree.parent[1:]]).all()
    children = sum_by(tree.parent[1:], tree.value[1:], n)
    assert (children + tree.self_value == tree.value).all()
    if tree.delta is not None and tree.self_delta is not None:
        assert (sum_by(tree.parent[1:], tree.delta[1:], n) + tree.self_delta == tree.delta).all()


@given(profiles())
def test_a_tree_is_what_a_walk_over_the_stacks_gives(profile: Profile) -> None:
    tree = flame_tree(profile, "inuse_space", Granularity.LINE)
    cumulative, flat = walked(profile)
    check_shape(tree)
    assert paths(tree, tree.value) == cumulative
    assert paths(tree, tree.self_value) == {path: flat.get(path, 0) for path in cumulative}


@given(profiles(), st.sampled_from(Granularity))
def test_the_root_has_the_total_at_every_granularity(profile: Profile, granularity: Granularity) -> None:
    tree = flame_tree(profile, "inuse_objects", granularity)
    check_shape(tree)
    assert tree.value[0] == tree.self_value.sum() == profile.values[:, 0].sum()


@given(profiles(), profiles())
def test_a_comparison_has_both_sides(current: Profile, baseline: Profile) -> None:
    tree = diff_tree(current, baseline, "inuse_space", Granularity.LINE)
    check_shape(tree)
    assert tree.delta is not None
    after, before = walked(current)[0], walked(baseline)[0]
    assert paths(tree, tree.value) == {path: after.get(path, 0) for path in {*after, *before}}
    assert paths(tree, tree.delta) == {
        path: after.get(path, 0) - before.get(path, 0) for path in {*after, *before}
    }


@given(profiles(), profiles(), st.integers(2, 12), st.floats(0, 1))
def test_pruning_keeps_totals_and_bounds(
    current: Profile, baseline: Profile, size: int, share: float
) -> None:
    for tree in (flame_tree(current, "inuse_space"), diff_tree(current, baseline, "inuse_space")):
        cut = prune(tree, size, min_share=share)
        check_shape(cut)
        assert len(cut) <= size
        assert cut.value[0] == tree.value[0]
        assert cut.self_value.sum() == tree.self_value.sum()
        if tree.delta is not None and cut.delta is not None:
            assert cut.delta[0] == tree.delta[0]


@given(profiles(AMOUNTS), st.integers(2, 12))
def test_what_pruning_keeps_is_unchanged(profile: Profile, size: int) -> None:
    tree = flame_tree(profile, "inuse_space")
    cut, whole = prune(tree, size), paths(tree, tree.value)
    for path, value in paths(cut, cut.value).items():
        if not path or path[-1][0] != OTHER_NAME:
            assert whole[path] == value


@given(profiles())
def test_a_cached_structure_serves_any_values(profile: Profile) -> None:
    structure = stack_tree(profile.stacks)
    for name in ("inuse_space", "inuse_objects"):
        kind = next(kind for kind in profile.sample_types if kind.name == name)
        tree = structure.flame(stack_values(profile, name), sample_type=kind)
        assert (tree.value == flame_tree(profile, name).value).all()
