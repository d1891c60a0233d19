"""The evidence in words: those that fit its kind, from names and numbers, and from rows that hold older words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from profiler_server.analysis import wording
from profiler_server.analysis.evidence_facts import alternatives_of, facts_of, latency_of
from profiler_server.analysis.models import Family, Finding
from profiler_server.catalog.models import Service
from profiler_server.core.leak import gates

MIB = 1024.0 * 1024.0
FLAT: dict[str, Any] = {
    "signal": "heap",
    "floor": [{"instance": "a", "ts": [0, 60], "value": [100 * MIB, 110 * MIB], "fitted": [1, 1]}],
    "waterfall": {"rss": 280 * MIB, "heap": 105 * MIB, "free": 130 * MIB},
    "alternatives": [
        {"name": "load", "rejected": False, "margin": -2.4, "settles_hours": None, "settles_by": ""},
        {"name": "warm_up", "rejected": False, "margin": -1.2, "settles_hours": 2.4, "settles_by": "hours"},
    ],
    "log_evidence": -6.06, "log_threshold": 3.5, "held_by": "evidence",
    "replicas": 3, "replicas_growing": 1, "lives": 3,
    "others": [
        {"signal": "outside", "log_odds": -3.5, "held_by": "evidence"},
        {"signal": "native", "log_odds": 20.0, "held_by": "gives back"},
    ],
}  # fmt: skip


def test_what_is_not_known_is_not_said() -> None:
    for family in Family:
        assert facts_of({}, family) == []
        assert alternatives_of({}, family) == []
        empty = {"sites": None, "load": {"correlation": None}, "notes": None, "others": None}
        assert facts_of(empty, family) == []


def test_each_fact_is_a_short_sentence() -> None:
    facts = facts_of(
        {
            "signal": "heap",
            "load": {"correlation": 0.123, "lag_seconds": 300},
            "latency_correlation": -0.5,
            "replicas": 3,
            "replicas_growing": 2,
            "lives": 4,
            "sites": {"growing": 1, "tested": 9, "explained": 0.8},
            "log_evidence": 12.0,
            "log_threshold": 9.0,
            "others": [
                {"signal": "goroutines", "log_odds": 51.5, "held_by": None},
                {"signal": "outside", "log_odds": 3.8, "held_by": "evidence"},
                {"signal": "native", "log_odds": -4.0, "held_by": "evidence"},
            ],
        },
        Family.HEAP,
    )
    assert facts == [
        ("What grows", "live heap"),
        (
            "Load",
            "taken out of the growth; it does not move with the load (correlation 0.12), 5 min behind it",
        ),
        ("Latency", "falls as memory rises (correlation −0.50)"),
        ("Instances", "2 of 3 grow, seen over 4 process lives"),
        ("Call sites", "1 of 9 grows and explains 80 % of the growth"),
        ("Certainty", "odds of 160,000 : 1 for lasting growth; 8,100 : 1 is needed to raise a finding"),
        ("Also looked at", "goroutines grow as well: odds of more than a million : 1 for lasting growth."),
        (
            "Also looked at",
            "memory outside the heap: odds of 45 : 1 for lasting growth. The evidence does not suffice yet.",
        ),
        ("Also looked at", "native allocations: odds of 55 : 1 against lasting growth."),
    ]


def test_retained_memory_is_not_said_to_grow() -> None:
    facts = dict(facts_of(FLAT, Family.RETENTION))
    assert facts["In use by the program"] == "105 MiB now, between 100 MiB and 110 MiB all the time"
    assert facts["Resident"] == "280 MiB, 2.7 times what is in use"
    assert facts["The difference"] == "175 MiB; 130 MiB of it is known to be free"
    assert facts["Instances"] == "3 looked at, seen over 3 process lives"
    assert not facts.keys() & {"What grows", "Certainty", "Latency", "Also looked at"}


def test_retained_memory_is_told_from_every_leak_that_was_looked_for() -> None:
    rows = alternatives_of(FLAT, Family.RETENTION)
    assert [(row.name, row.rejected) for row in rows] == [
        ("A leak of what is in use", True),
        ("A leak of memory outside the heap", True),
        ("A leak of native allocations", True),
    ]
    assert rows[0].reason == (
        "Odds of 430 : 1 against lasting growth; a leak is called at 33 : 1. "
        "Load alone explains the data 11 times better than steady growth."
    )
    assert rows[1].reason == "Odds of 33 : 1 against lasting growth."
    assert rows[2].reason == "Odds of more than a million : 1 for lasting growth. What it took it gave back."


@pytest.mark.parametrize(
    ("correlation", "words"),
    [(0.9, "it moves with the load"), (0.4, "it moves a little with the load"),
     (0.1, "it does not move with the load"), (-0.6, "it rises while the load falls")],
)  # fmt: skip
def test_how_it_goes_with_the_load(correlation: float, words: str) -> None:
    ((name, text),) = facts_of({"load": {"correlation": correlation}}, Family.NATIVE)
    assert name == "Load"
    assert f"{words} (correlation " in text


def test_a_single_instance_is_not_counted() -> None:
    assert facts_of({"replicas": 1, "replicas_growing": 1}, "heap") == [("Instances", "the only one grows")]
    assert facts_of({"replicas": 1, "replicas_growing": 0}, "heap") == [("Instances", "the only one")]
    assert facts_of({"replicas": 5, "replicas_growing": 1}, "heap") == [("Instances", "1 of 5 grows")]


def test_a_share_of_what_is_no_memory_is_left_out() -> None:
    assert facts_of({"sites": {"growing": 2, "tested": 10, "explained": 52723.0}}, "heap") == [
        ("Call sites", "2 of 10 grow")
    ]
    assert facts_of({"sites": {"growing": 0, "tested": 7, "explained": 0.0}}, "native") == [
        ("Call sites", "0 of 7 grow: the profiled heap does not explain it")
    ]


@pytest.mark.parametrize(
    ("correlation", "word"),
    [(0.8, "rises with memory"), (0.5, "rises with memory"), (0.3, None), (-0.9, None)],
)
def test_latency_is_put_forward_where_it_clearly_rises_with_memory(
    correlation: float, word: str | None
) -> None:
    found = latency_of({"latency_correlation": correlation})
    assert (found.word if found else None) == word


WARM = {"name": "warm_up", "settles_hours": 2.5, "settles_by": "requests"}


@pytest.mark.parametrize(
    ("alternative", "reason"),
    [
        ({"name": "load", "margin": 4.1}, "Steady growth explains the data 60 times better than load alone."),
        (
            {"name": "load", "margin": -0.2},
            "Steady growth and load alone explain the data about equally well.",
        ),
        (
            WARM | {"margin": -3.0},
            (
                "The warm-up that fits best levels off over about 2 h 30 min at the usual load. "
                "It explains the data 20 times better than steady growth."
            ),
        ),
        (
            WARM | {"margin": 50.8, "settles_hours": 32, "settles_by": "hours"},
            (
                "The warm-up that fits best levels off over about 1 d 8 h. "
                "Steady growth explains the data more than a million times better than it."
            ),
        ),
        ({"name": "warm_up", "margin": None}, ""),
    ],
)
def test_an_alternative_says_how_clearly_it_is_rejected(alternative: dict[str, Any], reason: str) -> None:
    (row,) = alternatives_of({"alternatives": [alternative | {"rejected": True}]}, Family.HEAP)
    assert row.reason == reason


def test_rows_that_hold_an_older_versions_words_can_still_be_read() -> None:
    older = {
        "alternatives": [
            {"name": "nothing but load", "rejected": True, "margin": 4.1, "reason": "log Bayes factor"},
            {"name": "a warm-up that will level off", "rejected": False, "margin": -3.0,
             "reason": "best time constant 2.5 h of requests"},
            {"name": "load_following", "rejected": True, "margin": 9.0, "reason": "it rose while load fell"},
        ],
        "notes": ["The evidence does not suffice yet."],
    }  # fmt: skip
    load, warm, other = alternatives_of(older, Family.HEAP)
    assert (load.name, load.reason[:32]) == ("Nothing but load", "Steady growth explains the data ")
    assert warm.name == "A warm-up that will level off"
    assert warm.reason == "A warm-up explains the data 20 times better than steady growth."
    assert (other.name, other.reason[:24]) == ("Load following", "it rose while load fell.")
    assert facts_of(older, Family.HEAP) == [("Note", "The evidence does not suffice yet.")]


def test_every_gate_of_the_detector_has_words() -> None:
    source = Path(gates.__file__).read_text()
    named = set(re.findall(r'return "([a-z ]+)"', source)) | {"run", "leap"}
    assert named <= wording.GATE_WORDS.keys()


def test_odds_and_factors_have_two_figures() -> None:
    odds = [wording.odds_text(value) for value in (5.0, -3.0, 0.0, 700.0, -700.0)]
    assert odds == ["150 : 1", "20 : 1", "1 : 1", "more than a million : 1", "more than a million : 1"]
    factors = [wording.factor_text(value) for value in (0.6, 2.6, 7.2)]
    assert factors == ["1.8 times", "13 times", "1,300 times"]


def test_a_finding_whose_newest_evidence_is_weaker_says_what_raised_it() -> None:
    facts = facts_of({"log_evidence": 1.8, "log_threshold": 5.0}, Family.HEAP)
    assert facts == [
        (
            "Certainty",
            "odds of 6 : 1 for lasting growth by the newest data; 150 : 1 was needed to raise the finding",
        )
    ]


def a_finding(**fields: Any) -> Finding:
    plain = {"family": "heap", "status": "open", "verdict": "It leaks."}
    return Finding(service=Service(name="shop"), **plain | fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"limit_bytes": 300 * MIB}, "the limit of 300 MiB lies beyond the forecast"),
        ({"limit_bytes": None}, "no memory limit is known for this service"),
        (
            {"family": "retention", "limit_bytes": 300 * MIB, "evidence": {"limit_share": 0.97}},
            "97 % of 300 MiB is taken, but what is in use does not grow",
        ),
        (
            {"family": "resource", "limit_bytes": 300 * MIB, "evidence": {"signal": "fds"}},
            "how many open files and sockets the system allows is not known",
        ),
    ],
)
def test_a_missing_forecast_says_why_it_is_missing(fields: dict[str, Any], words: str) -> None:
    assert wording.without_forecast(a_finding(**fields)) == words


def test_a_resolved_finding_says_how_it_ended() -> None:
    assert wording.sentence_of(a_finding()) == "It leaks."
    over = {"status": "resolved", "cured_by_release": "v2"}
    assert (
        wording.sentence_of(a_finding(**over)) == "shop no longer grows since release v2. It was: It leaks."
    )
    retained = wording.sentence_of(a_finding(**over, family="retention"))
    assert retained.startswith("shop no longer stands near its limit")
    by_hand = {"status": "resolved", "resolved_by_id": 3}
    assert wording.sentence_of(a_finding(**by_hand)) == "Resolved by hand. It was: It leaks."
