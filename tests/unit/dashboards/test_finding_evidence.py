"""The evidence in words."""

import pytest

from dashboards.finding_evidence import facts_of, latency_of
from dashboards.finding_words import factor_text, note_of, odds_text, reason_of


def test_what_is_not_known_is_not_said() -> None:
    assert facts_of({}) == []
    assert facts_of({"sites": None, "load": {"correlation": None}, "notes": None}) == []


def test_each_fact_is_a_short_sentence() -> None:
    facts = facts_of(
        {
            "signal": "heap_live_bytes",
            "load": {"correlation": 0.123, "lag_seconds": 300},
            "latency_correlation": -0.5,
            "replicas": 3,
            "replicas_growing": 2,
            "lives": 4,
            "sites": {"growing": 1, "tested": 9, "explained": 0.8},
            "log_evidence": 12.0,
            "log_threshold": 9.0,
            "notes": ["the profile lags by a collection"],
        }
    )
    assert facts == [
        ("What grows", "heap live bytes"),
        ("Load", "it does not move with the load (correlation 0.12), 5 min behind it"),
        ("Latency", "falls as memory rises (correlation −0.50)"),
        ("Instances", "2 of 3 grow, seen over 4 process lives"),
        ("Call sites", "1 of 9 grows and explains 80 % of the growth"),
        ("Certainty", "odds of lasting growth 160,000 : 1; 8,100 : 1 is needed to raise a finding"),
        ("Note", "the profile lags by a collection"),
    ]


@pytest.mark.parametrize(
    ("correlation", "words"),
    [(0.9, "it moves with the load"), (0.4, "it moves a little with the load"),
     (0.1, "it does not move with the load"), (-0.6, "it rises while the load falls")],
)  # fmt: skip
def test_how_it_goes_with_the_load(correlation: float, words: str) -> None:
    ((name, text),) = facts_of({"load": {"correlation": correlation}})
    assert name == "Load"
    assert text.startswith(f"{words} (correlation ")


def test_a_single_instance_is_not_counted() -> None:
    assert facts_of({"replicas": 1, "replicas_growing": 1}) == [("Instances", "the only one grows")]
    assert facts_of({"replicas": 1, "replicas_growing": 0}) == [("Instances", "the only one")]


def test_a_share_of_what_is_no_memory_is_left_out() -> None:
    assert facts_of({"sites": {"growing": 2, "tested": 10, "explained": 52723.0}}) == [
        ("Call sites", "2 of 10 grow")
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


def test_an_alternative_says_how_clearly_it_is_rejected() -> None:
    assert reason_of({"reason": "log Bayes factor", "margin": 4.1}) == (
        "Steady growth explains the data 60 times better than load alone."
    )
    assert reason_of({"reason": "log Bayes factor", "margin": -0.2}) == (
        "Steady growth and load alone explain the data about equally well."
    )
    assert reason_of({"reason": "best time constant 2.5 h of requests", "margin": -3.0}) == (
        "The warm-up that fits best levels off over about 2 h 30 min at the usual load. "
        "It explains the data 20 times better than steady growth."
    )
    assert reason_of({"reason": "best time constant 32 h of hours", "margin": 50.8}) == (
        "The warm-up that fits best levels off over about 1 d 8 h. "
        "Steady growth explains the data more than a million times better than it."
    )
    assert reason_of({"reason": "it rose while load fell"}) == "it rose while load fell"


@pytest.mark.parametrize(
    ("log_odds", "text"),
    [(5.0, "150 : 1"), (-3.0, "1 : 20"), (0.0, "1 : 1"), (700.0, "more than a million : 1"),
     (-700.0, "1 : more than a million")],
)  # fmt: skip
def test_odds_are_said_as_people_say_them(log_odds: float, text: str) -> None:
    assert odds_text(log_odds) == text


def test_a_factor_has_two_figures() -> None:
    assert [factor_text(value) for value in (0.6, 2.6, 7.2)] == ["1.8 times", "13 times", "1,300 times"]


def test_a_finding_whose_newest_evidence_is_weaker_says_what_raised_it() -> None:
    facts = facts_of({"log_evidence": 1.8, "log_threshold": 5.0})
    assert facts == [
        (
            "Certainty",
            "odds of lasting growth 6 : 1 by the newest data; 150 : 1 was needed to raise the finding",
        )
    ]


def test_other_parts_of_memory_are_named() -> None:
    assert note_of("outside: log odds 3.8 (The evidence does not suffice yet.)") == (
        "Also looked at",
        "memory outside the heap: odds of lasting growth 45 : 1. The evidence does not suffice yet.",
    )
    assert note_of("goroutines: log odds 51.5") == (
        "Also looked at",
        "goroutines: odds of lasting growth more than a million : 1.",
    )
