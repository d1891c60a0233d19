"""A player whose handler copies audio frames every 15 ms, until a trip to the background slows its caller."""

from __future__ import annotations

import argparse
import time

import plimsoll_agent

FRAME_BYTES = 675
FOREGROUND_SECONDS = 0.015
AFTER_SWITCH_SECONDS = 0.055
COPY_SECONDS = 0.002


def copy_frames(destination: bytearray, frame: bytes) -> None:
    """Copy one frame; the decoder's own work takes about two milliseconds and never changes."""
    until = time.perf_counter() + COPY_SECONDS
    destination[: len(frame)] = frame
    while time.perf_counter() < until:
        pass


def play(seconds: float, switch_after: float) -> None:
    """Call the handler as the audio system does; after `switch_after` seconds its timer has become slow."""
    buffer, frame = bytearray(FRAME_BYTES), bytes(FRAME_BYTES)
    handler = plimsoll_agent.periodic("audio.copy_frames")(copy_frames)
    begun = previous = time.perf_counter()
    while (now := time.perf_counter()) - begun < seconds:
        handler(buffer, frame)
        plimsoll_agent.gauge(
            "audio.bytes_per_ms", FRAME_BYTES / max(1e-3, (now - previous) * 1000) if now > previous else 0
        )
        previous = now
        period = FOREGROUND_SECONDS if now - begun < switch_after else AFTER_SWITCH_SECONDS
        time.sleep(max(0.0, now + period - time.perf_counter()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--switch-after", type=float, default=60)
    options = parser.parse_args()
    plimsoll_agent.start()
    play(options.seconds, options.switch_after)
