"""Carries points and profiles to the server: spool, retry with back-off, and the server's wishes."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Optional
from urllib.parse import urlencode

from plimsoll_agent.door import DEADLINE_SECONDS, Answer, Door, DoorShut, Request, json_request
from plimsoll_agent.identity import Identity
from plimsoll_agent.points import PointBuffer
from plimsoll_agent.speech import VOICE
from plimsoll_agent.spool import Spool

MAX_BACKOFF_SECONDS = 300.0
MIN_BACKOFF_SECONDS = 1.0
MAX_PUSH_SECONDS = 600.0
MAX_DRAINED_PER_PUSH = 4
MAX_PROFILE_BYTES = 8 << 20
PROFILES_PATH = "/v1/profiles"
HOLDERS_PATH = "/v1/holders"
_HOPELESS = frozenset({400, 409, 411, 413, 415, 422, 431})
_REFUSED = frozenset({401, 403})


class Messenger:
    """The only user of the door; decides when to speak and what to do with the answer.

    ``heard`` is called with each decoded JSON object the server answers with.
    """

    def __init__(
        self, door: Door, spool: Spool, *, interval: float, heard: Callable[[dict[str, Any]], None]
    ) -> None:
        self.door = door
        self.spool = spool
        self.points = PointBuffer()
        self.sent = 0
        self._interval = interval
        self._heard = heard
        self._not_before = 0.0
        self._failures = 0

    def push(self, identity: Identity, now: float, *, seconds: float = DEADLINE_SECONDS) -> bool:
        """Send the waiting points at monotonic time ``now`` if it is time; true if the server took them."""
        if self.points.full:
            self._keep_points(identity)
        if now < self._not_before:
            return False
        request = self.points.seal(identity.as_json())
        if request is None:
            return False
        answer = self._try(request, now, seconds)
        if answer is None:
            return False
        self.points.clear()
        self._drain(now, seconds)
        return 200 <= answer.status < 300

    def send_profile(self, identity: Identity, at: float, body: bytes, now: float) -> None:
        """Send a pprof body taken at unix time ``at``, or put it on the spool."""
        if len(body) > MAX_PROFILE_BYTES:
            VOICE.once(
                f"a profile of {len(body):,} bytes is over the bound of {MAX_PROFILE_BYTES:,}; dropped"
            )
            return
        self._send_or_keep(Request(profile_path(identity, at), "application/octet-stream", body), now)

    def send_holders(self, report: dict[str, Any], now: float) -> None:
        """Send a holder report, or put it on the spool."""
        self._send_or_keep(json_request(HOLDERS_PATH, json.dumps(report, allow_nan=False)), now)

    def keep(self, identity: Identity) -> None:
        """Save what was not sent: the process ends."""
        self._keep_points(identity)
        self.spool.save()

    def _keep_points(self, identity: Identity) -> None:
        request = self.points.seal(identity.as_json())
        if request is not None:
            self.spool.put(request)
        self.points.clear()

    def _send_or_keep(self, request: Request, now: float) -> None:
        away = now < self._not_before and self._failures > 0
        if away or self._try(request, now, DEADLINE_SECONDS) is None:
            self.spool.put(request)

    def _drain(self, now: float, seconds: float) -> None:
        """Send a few of the requests that wait, so that a recovered server is not flooded."""
        for _ in range(MAX_DRAINED_PER_PUSH):
            request = self.spool.first()
            if request is None or self._try(request, now, seconds) is None:
                return
            self.spool.pop()

    def _try(self, request: Request, now: float, seconds: float) -> Optional[Answer]:
        """Send; None if it must be tried again later, an answer if the request is settled."""
        try:
            answer = self.door.send(request, seconds=seconds)
        except DoorShut as problem:
            self._back_off(now, None)
            VOICE.say(f"{problem}; measuring goes on, {len(self.spool)} messages wait")
            return None
        if 200 <= answer.status < 300:
            self._succeeded(answer, now)
            return answer
        if answer.status in _HOPELESS:
            VOICE.say(f"the server refused a message ({answer.status}): {_reason(answer)}")
            self._failures = 0
            return answer
        if answer.status in _REFUSED:
            VOICE.say(
                f"the server refused the token ({answer.status}); set PLIMSOLL_TOKEN: {_reason(answer)}"
            )
        else:
            VOICE.say(f"the server answered {answer.status}: {_reason(answer)}")
        self._back_off(now, answer.retry_after)
        return None

    def _succeeded(self, answer: Answer, now: float) -> None:
        self._failures = 0
        self.sent += 1
        said = _decode(answer.body)
        if said is None:
            return
        wish = said.get("next_push_seconds")
        if isinstance(wish, (int, float)) and not isinstance(wish, bool) and wish > self._interval:
            self._not_before = now + min(float(wish), MAX_PUSH_SECONDS) - self._interval / 2
        self._heard(said)

    def _back_off(self, now: float, wanted: Optional[float]) -> None:
        self._failures = min(self._failures + 1, 16)
        base = max(self._interval, MIN_BACKOFF_SECONDS)
        rest = min(base * 2 ** (self._failures - 1), MAX_BACKOFF_SECONDS)
        jitter = 0.5 + os.urandom(1)[0] / 256.0
        self._not_before = now + max(rest * jitter, wanted or 0.0)


def profile_path(identity: Identity, at: float) -> str:
    """Path and query under which a profile of ``identity`` is posted."""
    fields = {
        "service": identity.service,
        "instance": identity.key,
        "started_at": f"{identity.started_at:.3f}",
        "release": identity.release or "",
        "language": identity.language,
        "agent": identity.agent,
        "ts": f"{at:.3f}",
    }
    fields.update({f"label.{key}": value for key, value in identity.labels.items()})
    return f"{PROFILES_PATH}?{urlencode(fields)}"


def _decode(body: bytes) -> Optional[dict[str, Any]]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _reason(answer: Answer) -> str:
    said = _decode(answer.body)
    error = said.get("error") if said else None
    message = error.get("message") if isinstance(error, dict) else None
    return str(message)[:200] if message else "no reason given"
