"""Truth: a known leak's bytes per site, within three standard errors of sampling, in each allocator domain."""

from __future__ import annotations

import pytest

LEAK = """
import array, math
try:
    import numpy
except ImportError:
    numpy = None
SIZE, COUNT, INTERVAL = int(sys.argv[2]), int(sys.argv[3]), 16384
SITES = {"object_domain", "buffer_domain", "numpy_domain"}
native.start(INTERVAL, seed=int(sys.argv[4]))
kept = [None] * COUNT

def object_domain():
    for i in range(COUNT):
        kept[i] = bytes(SIZE - 33)

def buffer_domain():
    for i in range(COUNT):
        kept[i] = array.array("b", (0,)) * SIZE

def numpy_domain():
    for i in range(COUNT):
        kept[i] = numpy.empty(SIZE, dtype="i1")

def churn():
    for _ in range(300):
        [bytes(500) for _ in range(50)]

{"object": object_domain, "buffer": buffer_domain, "numpy": numpy_domain}[sys.argv[1]]()
churn()
taken = native.snapshot()
kind = {"object": 0, "buffer": 1, "numpy": 3}[sys.argv[1]]
found = sum(
    taken.inuse_bytes[i] for i in range(len(taken))
    if taken.kinds[i] == kind and any(frame[0] in SITES for frame in taken.stack(i))
)
churned = held("churn")[1]
chance = -math.expm1(-SIZE / native.stats()["interval_bytes"])
answer(found=found, truth=SIZE * COUNT, error=SIZE * math.sqrt(COUNT * (1 - chance) / chance), churned=churned)
"""


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("size", "count"), [(64, 60_000), (4_000, 1_500), (200_000, 60)])
@pytest.mark.parametrize("domain", ["object", "buffer", "numpy"])
def test_a_known_leak_is_estimated_without_bias(run_script, domain, size, count, seed):
    result = run_script(LEAK, domain, str(size), str(count), str(seed))
    assert abs(result["found"] - result["truth"]) <= 3 * result["error"] + size
    assert result["churned"] <= result["truth"] * 0.02 + 100_000


def test_estimates_are_unbiased_over_many_draws(run_script):
    result = run_script("""
        import math
        def leak(n):
            return [bytes(1000 - 33) for _ in range(n)]
        ratios = []
        for seed in range(60):
            native.start(65536, seed=seed)
            kept = leak(1000)
            ratios.append(held("leak")[1] / 1e6)
            native.stop()
        answer(mean=sum(ratios) / len(ratios))
    """)
    # 60 draws of a site with 15 samples each: the standard error of the mean is 0.26 / sqrt(60) = 0.034.
    assert result["mean"] == pytest.approx(1.0, abs=0.1)


def test_the_weight_follows_an_interval_that_was_raised(run_script):
    result = run_script("""
        native.start(4096, seed=5)
        def leak():
            return [bytes(967) for _ in range(40_000)]
        kept = leak()
        stats = native.stats()
        answer(raised=stats["interval_raises"], ratio=held("leak")[1] / 40e6, samples=stats["samples"])
    """)
    assert result["raised"] > 0
    assert result["ratio"] == pytest.approx(1.0, abs=0.35)


def test_container_storage_is_told_apart(run_script):
    result = run_script("""
        native.start(4096)
        grown = []
        def grow():
            for _ in range(400_000):
                grown.append(None)
        grow()
        taken = native.snapshot()
        rows = [i for i in range(len(taken)) if taken.stack(i)[0][0] == "grow" and taken.inuse_bytes[i]]
        kinds = sorted({native.KINDS[taken.kinds[i]] for i in rows})
        answer(kinds=kinds, bytes=sum(taken.inuse_bytes[i] for i in rows))
    """)
    assert result["kinds"] == ["container storage"]
    assert result["bytes"] == pytest.approx(400_000 * 8, rel=0.3)
