"""The evidence in words."""

import pytest

from dashboards.finding_evidence import facts_of, latency_of, reason_of


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
        ("Signal", "heap live bytes"),
        ("Load", "correlation 0.12 with the load, 5 min behind it"),
        ("Latency", "falls as memory rises (correlation -0.50 with memory)"),
        ("Replicas", "2 of 3 grow, over 4 process lives"),
        ("Call sites", "1 of 9 grow and explain 80 % of the growth"),
        ("Certainty", "log evidence 12.0, where 9.0 is needed"),
        ("Note", "the profile lags by a collection"),
    ]


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
    plain = {"reason": "log Bayes factor", "margin": 16.84}
    assert reason_of(plain) == "log Bayes factor 16.8 for growth"
    warm = {"reason": "best time constant 2 h of requests", "margin": -3.0}
    assert reason_of(warm) == "best time constant 2 h of requests; log Bayes factor 3.0 for this"
    assert reason_of({"reason": "it rose while load fell"}) == "it rose while load fell"


def test_a_finding_whose_newest_evidence_is_weaker_says_what_raised_it() -> None:
    facts = facts_of({"log_evidence": 1.8, "log_threshold": 5.0})
    assert facts == [("Certainty", "log evidence 1.8 by the newest data; 5.0 was needed to raise it")]
