"""When memory grows enough to look closer."""

from __future__ import annotations

import math
import random

from plimsoll_agent.armament import Armament
from plimsoll_agent.growth import GrowthWatch
from plimsoll_agent.settings import Settings

MB = 1 << 20


def grows(readings: list[float], points: int = 60) -> bool:
    watch = GrowthWatch(points)
    for value in readings:
        watch.observe({"rss_bytes": value})
    return watch.grows()


def test_a_leak_under_noise_grows() -> None:
    chance = random.Random(1)
    assert grows([200 * MB + n * MB / 2 + chance.gauss(0, MB) for n in range(60)])


def test_stillness_waves_and_spikes_do_not() -> None:
    chance = random.Random(2)
    assert not grows([200 * MB + chance.gauss(0, MB) for _ in range(600)])
    assert not grows([200 * MB + 50 * MB * math.sin(n / 4) for n in range(600)])
    assert not grows([200 * MB + (300 * MB if n % 17 == 0 else 0) for n in range(600)])
    assert not grows([200 * MB - n * MB for n in range(60)])
    assert not grows([200 * MB] * 30 + [230 * MB] * 30)


def test_too_little_is_not_worth_a_look() -> None:
    assert not grows([200 * MB + n * 1000 for n in range(60)])
    assert not grows([200 * MB + n * MB for n in range(40)])


def test_anonymous_memory_is_looked_at_where_it_is_known() -> None:
    watch = GrowthWatch(12)
    for n in range(12):
        watch.observe({"rss_bytes": 200.0 * MB + n * 10 * MB, "rss_anon_bytes": 50.0 * MB})
        watch.observe({})
    assert not watch.grows()


class Sampler:
    """A sampler that only notes when it is armed."""

    name = "plain"
    armed = False

    def arm(self) -> None:
        self.armed = True

    def disarm(self) -> None:
        self.armed = False

    def live_bytes(self) -> float:
        return 5.0

    def own_bytes(self) -> float:
        return 0.0

    def encode(self, at: float) -> bytes:
        return b"profile at %d" % at


def settings(**values) -> Settings:
    return Settings(growth_points=12, arm_seconds=100.0, rest_seconds=1000.0, **values)


def run(armament: Armament, seconds: range, growth: float) -> tuple[float, list[bytes]]:
    """Share of the time armed, and the profiles."""
    armed, profiles = 0, []
    for second in seconds:
        armament.observe({"rss_bytes": 200 * MB + growth * second}, float(second))
        body = armament.profile_if_due(float(second), float(second))
        armed += armament.sampler.armed
        profiles += [body] if body else []
    return armed / len(seconds), profiles


def test_on_growth_samples_for_a_while_and_then_rests() -> None:
    armament = Armament(settings(), Sampler())
    armament.begin()
    assert armament.whole_life_bytes() is None
    share, profiles = run(armament, range(0, 3300, 10), MB)
    assert 0.05 < share < 0.12
    assert len(profiles) >= 4


def test_without_growth_it_never_samples() -> None:
    share, profiles = run(Armament(settings(), Sampler()), range(0, 3600, 10), 0.0)
    assert (share, profiles) == (0.0, [])


def test_always() -> None:
    armament = Armament(settings(mode="always", point_seconds=10.0), Sampler())
    armament.begin()
    assert armament.whole_life_bytes() == 5.0
    share, profiles = run(armament, range(0, 600, 10), 0.0)
    assert share == 1.0
    assert len(profiles) == 9


def test_the_server_cannot_arm_a_costly_sampler_again_and_again() -> None:
    armament = Armament(settings(), Sampler())
    armament.arm_for(50.0, 0.0)
    run(armament, range(0, 100, 10), 0.0)
    assert not armament.sampler.armed
    armament.arm_for(50.0, 100.0)
    assert not armament.sampler.armed
    armament.arm_for(50.0, 1100.0)
    assert armament.sampler.armed
