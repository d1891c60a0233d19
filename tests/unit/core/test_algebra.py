"""What cannot be combined, and the corners of scaling, growth and pruning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from profiler_server.core.algebra import column_of, diff, merge, scale
from profiler_server.core.errors import IncompatibleProfiles, InvalidProfile, LimitExceeded
from profiler_server.core.grouping import Granularity
from profiler_server.core.growth import growth
from profiler_server.core.profile import Frame, SampleType, StackTable
from profiler_server.core.prune import prune
from profiler_server.core.stacks import Rows, _unique_rows_by_comparison, unique_rows
from profiler_server.core.top import callers_callees, top_table
from profiler_server.core.tree import diff_tree, flame_tree
from profiler_server.core.validate import check_profile
from tests.unit.core.building import a_profile

BYTES, COUNT = SampleType("inuse_space", "bytes"), SampleType("inuse_objects", "count")


def test_other_sample_types_cannot_be_merged() -> None:
    with pytest.raises(IncompatibleProfiles, match="inuse_objects"):
        merge([a_profile({"a": 1}), a_profile({"a": 1}, COUNT)])
    with pytest.raises(IncompatibleProfiles):
        merge([])
    with pytest.raises(IncompatibleProfiles):
        diff_tree(a_profile({"a": 1}), a_profile({"a": 1}, COUNT))


def test_other_period_types_cannot_be_merged() -> None:
    profile = a_profile({"a": 1})
    with pytest.raises(IncompatibleProfiles, match="count"):
        merge([replace(profile, period_type=BYTES), replace(profile, period_type=COUNT)])


def test_columns_are_aligned_by_sample_type() -> None:
    one = replace(a_profile({"a": 1}), sample_types=(BYTES, COUNT), values=np.array([[10, 1]]))
    other = replace(one, sample_types=(COUNT, BYTES), values=np.array([[2, 20]]))
    assert merge([one, other]).values.tolist() == [[30, 3]]


def test_scaling_by_a_fraction_rounds_half_away_from_zero() -> None:
    profile = a_profile({"a": 3, "b": -3, "c": 4})
    assert scale(profile, 0.5).values.ravel().tolist() == [2, -2, 2]


def test_a_sample_type_is_found_by_name_or_default() -> None:
    profile = replace(a_profile({"a": 1}), sample_types=(COUNT, BYTES), values=np.array([[1, 2]]))
    assert column_of(profile) == 1
    assert column_of(profile, "inuse_objects") == 0
    assert column_of(replace(profile, default_sample_type="inuse_objects")) == 0
    with pytest.raises(IncompatibleProfiles, match="inuse_space"):
        column_of(profile, "alloc_space")


def test_recursion_counts_once() -> None:
    profile = a_profile({"main;fib;fib;fib": 7})
    rows = {row.frame.function: (row.flat, row.cumulative) for row in top_table(profile)}
    assert rows == {"fib": (7, 7), "main": (0, 7)}
    (fib,) = callers_callees(profile, "fib")
    assert [(n.frame.function, n.value) for n in fib.callers] == [("main", 7)]
    assert fib.callees == ()
    assert callers_callees(profile, "nobody") == []


def test_growth_ranks_the_steepest_first() -> None:
    at = [(0.0, a_profile({"m;x": 10, "m;y": 100})), (1800.0, a_profile({"m;x": 20, "m;y": 100, "m;z": 3}))]
    found = growth(at)
    assert found.sites[0] == (Frame("x", "main.go", 1), Frame("m", "main.go", 1))
    assert found.per_hour.tolist() == [20.0, 6.0, 0.0]
    assert found.values.tolist() == [[10, 20], [0, 3], [100, 100]]
    by_function = growth(at, by=Granularity.FUNCTION, limit=1)
    assert by_function.sites == ((Frame("m", "main.go", 1),),)
    assert by_function.values.tolist() == [[110, 123]]
    with pytest.raises(IncompatibleProfiles):
        growth([])


def test_pruning_names_what_it_cut() -> None:
    tree = flame_tree(a_profile({"m;a": 60, "m;b": 30, "m;c": 6, "m;d": 4}))
    cut = prune(tree, min_share=0.1)
    named = {cut.names[n]: int(v) for n, v in zip(cut.name_id.tolist(), cut.value.tolist(), strict=True)}
    assert named == {"total": 100, "m": 100, "a": 60, "b": 30, "other": 10}
    assert prune(tree, 100) is tree
    with pytest.raises(LimitExceeded):
        prune(tree, 1)


def test_what_cancels_out_in_a_comparison_is_not_hidden() -> None:
    tree = diff_tree(a_profile({"m;a": 50, "m;b": 1}), a_profile({"m;a": 1, "m;b": 50}))
    cut = prune(tree, min_share=0.2)
    assert cut.delta is not None
    assert sorted(cut.delta.tolist()) == [-49, 0, 0, 49]


def test_rows_that_share_a_hash_are_told_apart() -> None:
    rows = Rows(np.array([0, 2, 4, 4, 6], np.int32), np.array([1, 2, 2, 1, 1, 2], np.int32))
    for way in (unique_rows, _unique_rows_by_comparison):
        distinct, inverse = way(rows)
        assert inverse.tolist() == [0, 1, 2, 0]
        assert distinct.offsets.tolist() == [0, 2, 4, 4]


@pytest.mark.parametrize(
    "change",
    [
        {"stack_ids": np.array([5], np.int32)},
        {"label_ids": np.array([-1], np.int32)},
        {"values": np.zeros((2, 1), np.int64)},
        {"sample_types": ()},
        {"labels": ((("", 1),),)},
        {"labels": ((("k", ""),),)},
        {"default_sample_type": "a\0b"},
        {"sample_types": (BYTES, BYTES), "values": np.zeros((1, 2), np.int64)},
        {"stacks": StackTable((Frame("a"),), np.array([0, 2], np.int32), np.zeros(1, np.int32))},
        {"stacks": StackTable((Frame("a", "f", -1),), np.array([0, 1], np.int32), np.zeros(1, np.int32))},
        {"stacks": StackTable((Frame("a\0"),), np.array([0, 1], np.int32), np.zeros(1, np.int32))},
    ],
)
def test_the_gate_refuses_what_breaks_the_model(change: dict[str, object]) -> None:
    with pytest.raises(InvalidProfile):
        check_profile(replace(a_profile({"a": 1}), **change))


def test_equality_is_by_content() -> None:
    assert a_profile({"a;b": 1, "a;c": 2}) == a_profile({"a;c": 2, "a;b": 1})
    assert a_profile({"a": 1}) != a_profile({"a": 2})
    assert a_profile({"a": 1}) != "a"
    assert len(diff(a_profile({"a": 1}), a_profile({"a": 1}))) == 0
