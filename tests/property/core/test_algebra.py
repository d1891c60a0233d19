"""The laws of the algebra: merging is addition, a difference with itself is nothing, totals never change."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from profiler_server.core.algebra import diff, merge, scale, stack_values
from profiler_server.core.filters import filter_labels, focus, hide, ignore, label_values
from profiler_server.core.grouping import Granularity, group_by
from profiler_server.core.growth import growth
from profiler_server.core.profile import Profile
from profiler_server.core.top import callers_callees, top_table
from profiler_server.core.validate import check_profile
from tests.property.core.profiles import AMOUNTS, profiles

GRANULARITIES = st.sampled_from(Granularity)


def same_kind(profile: Profile) -> Profile:
    return replace(profile, period_type=None)


def total(profile: Profile, column: int = 1) -> int:
    return int(profile.values[:, column].sum())


@given(profiles(), profiles(), profiles())
def test_merge_is_associative_and_commutative(a: Profile, b: Profile, c: Profile) -> None:
    a, b, c = map(same_kind, (a, b, c))
    assert merge([a, b]) == merge([b, a])
    assert merge([merge([a, b]), c]) == merge([a, merge([b, c])]) == merge([a, b, c])


@given(profiles())
def test_merging_one_profile_changes_nothing_and_two_double_it(profile: Profile) -> None:
    assert merge([profile]) == profile
    assert merge([profile, profile]).contents() == scale(profile, 2).contents()
    assert check_profile(merge([profile, profile])) is not None


@given(profiles())
def test_the_difference_with_itself_is_empty(profile: Profile) -> None:
    assert len(diff(profile, profile)) == 0


@given(profiles(), profiles())
def test_a_difference_added_to_its_baseline_gives_the_current_profile(a: Profile, b: Profile) -> None:
    a, b = same_kind(a), same_kind(b)
    assert merge([diff(a, b), b]).contents() == a.contents()


@given(profiles(), st.integers(-1000, 1000))
def test_scaling_scales_every_value(profile: Profile, factor: int) -> None:
    expected = {key: tuple(v * factor for v in row) for key, row in profile.contents().items() if factor}
    assert scale(profile, factor).contents() == expected
    assert scale(profile, 1) == profile


@given(profiles(), GRANULARITIES)
def test_grouping_keeps_totals_and_is_idempotent(profile: Profile, granularity: Granularity) -> None:
    grouped = group_by(profile, granularity)
    assert total(grouped) == total(profile)
    check_profile(grouped)
    if granularity in {Granularity.FUNCTION, Granularity.LINE}:
        assert group_by(grouped, granularity).contents() == grouped.contents()


@given(profiles(AMOUNTS), GRANULARITIES)
def test_flat_sums_to_the_total_and_cumulative_bounds_it(profile: Profile, granularity: Granularity) -> None:
    rows = top_table(profile, "inuse_space", granularity)
    depth = profile.stacks.depths()
    rooted = int(stack_values(profile, "inuse_space")[depth > 0].sum())
    assert sum(row.flat for row in rows) == rooted
    assert all(row.flat <= row.cumulative <= rooted for row in rows)


@given(profiles(AMOUNTS))
def test_what_callers_pass_and_callees_take_fits_the_cumulative(profile: Profile) -> None:
    for row in top_table(profile, "inuse_space"):
        for found in callers_callees(profile, row.frame.function, "inuse_space"):
            assert all(0 < n.value <= found.row.cumulative for n in (*found.callers, *found.callees))


@given(profiles(), st.sampled_from(("main", "^a$", "go$", "λ|b", "")))
def test_focus_and_ignore_share_the_samples(profile: Profile, pattern: str) -> None:
    kept, dropped = focus(profile, pattern), ignore(profile, pattern)
    assert merge([kept, dropped]).contents() == profile.contents()
    hidden = hide(profile, pattern)
    assert not any(frame.function == "a" for stack, _ in hide(profile, "^a$").contents() for frame in stack)
    check_profile(hidden)


@given(profiles())
def test_samples_are_shared_by_the_values_of_a_label(profile: Profile) -> None:
    named = [filter_labels(profile, {"thread": [value]}) for value in label_values(profile).get("thread", [])]
    unnamed = [key for key in profile.contents() if not any(name == "thread" for name, _ in key[1])]
    assert sum(len(part.contents()) for part in named) + len(unnamed) == len(profile.contents())


@given(st.lists(profiles(AMOUNTS), min_size=1, max_size=4))
def test_growth_has_every_value_of_every_site(series: list[Profile]) -> None:
    found = growth([(3600.0 * i, profile) for i, profile in enumerate(series)], "inuse_space", limit=100)
    assert found.values.sum(axis=0).tolist() == [total(profile) for profile in series]
    assert list(found.per_hour) == sorted(found.per_hour, reverse=True)
