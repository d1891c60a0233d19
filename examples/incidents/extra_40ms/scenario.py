"""A player stutters: the handler's own time, the time between its calls and the data rate, on one time axis."""

from __future__ import annotations

import statistics
from datetime import timedelta

from examples.stage.programs import python_service
from examples.stage.stage import Expectation, Stage, say

SERVICE = "video-player"
SWITCH_AFTER_SECONDS = 45.0
AFTER_SWITCH_SECONDS = 45.0
MARK_WITHIN_SECONDS = 5.0
SERIES = ("audio.copy_frames.handler_ms", "audio.copy_frames.between_ms", "audio.bytes_per_ms")


class Extra40ms:
    """The player, with three series of its own."""

    limit_seconds = 180.0

    def start(self, stage: Stage) -> None:
        """Start the player."""
        self.stage = stage
        seconds = SWITCH_AFTER_SECONDS + AFTER_SWITCH_SECONDS
        environment = {**stage.agent, "PLIMSOLL_SERVICE": SERVICE, "PLIMSOLL_RELEASE": "8.1",
                       "PLIMSOLL_POINT_SECONDS": "1", "PLIMSOLL_SAMPLER": "rss"}  # fmt: skip
        arguments = ["--seconds", str(seconds * 4), "--switch-after", str(SWITCH_AFTER_SECONDS)]
        self.player = stage.run(
            python_service(
                SERVICE, "examples.incidents.extra_40ms.player", arguments, environment, stage.logs
            )
        )
        self.begun = stage.elapsed_seconds
        say(f"{SERVICE} plays; after {SWITCH_AFTER_SECONDS:.0f} s it goes to the background and comes back")

    def each_second(self) -> str:
        """Return how long it has played."""
        return f"played {self.stage.elapsed_seconds - self.begun:.0f} s"

    def expectations(self) -> list[Expectation]:
        """Return what Plimsoll must show."""
        return [
            Expectation("the three series are stored", lambda: all(self._values(name) for name in SERIES)),
            Expectation("the time between calls went from 15 ms to 55 ms", self._between_grew),
            Expectation("the handler's own time stayed near 2 ms", self._handler_stayed),
            Expectation("the data rate fell from 45 to about 10 bytes/ms", self._rate_fell),
            Expectation("the change is marked at its moment", self._change_is_marked),
            Expectation("one link plots the three on one time axis", self._link_answers),
        ]

    def tell(self) -> None:
        """Print the three series before and after, and the link."""
        for name in SERIES:
            before, after = self._before(name), self._after(name)
            print(f"  {name:34} {before:6.1f} → {after:6.1f}")
        print(f"  picture     {self.stage.url}{self._link()}")

    def stop(self) -> None:
        """Nothing beside the stage."""

    def _values(self, name: str) -> list[tuple[float, float]]:
        from django.utils import timezone  # noqa: PLC0415  Django is set up by now

        from profiler_server.catalog.models import Service  # noqa: PLC0415  Django is set up by now
        from profiler_server.series.queries import read_series  # noqa: PLC0415

        service = Service.objects.filter(name=SERVICE).first()
        if service is None:
            return []
        ahead = timezone.now() + timedelta(minutes=1)
        found = read_series(service.project_id, service.pk, service.created_at, ahead, names=[name])
        return [pair for one in found for pair in zip(one.ts.tolist(), one.values.tolist(), strict=True)]

    def _settled(self) -> bool:
        return self.stage.elapsed_seconds - self.begun > SWITCH_AFTER_SECONDS + AFTER_SWITCH_SECONDS

    def _before(self, name: str) -> float:
        values = [value for _, value in self._values(name)]
        return statistics.median(values[: int(SWITCH_AFTER_SECONDS) - 10] or [0.0])

    def _after(self, name: str) -> float:
        values = [value for _, value in self._values(name)]
        return statistics.median(values[-10:] or [0.0])

    def _between_grew(self) -> bool:
        name = SERIES[1]
        return self._settled() and 12 < self._before(name) < 20 and 50 < self._after(name) < 65

    def _handler_stayed(self) -> bool:
        return self._settled() and all(1 < value(SERIES[0]) < 4 for value in (self._before, self._after))

    def _rate_fell(self) -> bool:
        name = SERIES[2]
        return self._settled() and 38 < self._before(name) < 50 and 8 < self._after(name) < 15

    def _link(self) -> str:
        return f"/services/{SERVICE}/?" + "&".join(f"series={name}" for name in SERIES)

    def _link_answers(self) -> bool:
        return self.stage.browser().status_of(self._link()) == 200

    def _change_is_marked(self) -> bool:
        import numpy as np  # noqa: PLC0415

        from dashboards.figures.changes import change_points  # noqa: PLC0415  what the service page marks

        pairs = self._values(SERIES[1])
        if not self._settled() or not pairs:
            return False
        marks = [pairs[index][0] for index in change_points(np.array([value for _, value in pairs]))]
        return any(abs(at - pairs[0][0] - SWITCH_AFTER_SECONDS) < MARK_WITHIN_SECONDS for at in marks)


SCENARIO = Extra40ms
