"""The same fault in Python: slices of a memoryview, kept in a registry, each pinning a whole response."""

from __future__ import annotations

import argparse
import time

RESPONSE_BYTES = 24_000
REGISTRY: dict[str, memoryview] = {}


def fetch(number: int) -> bytes:
    """Return what a container answers."""
    return f"container-{number:07} ".encode() + bytes(RESPONSE_BYTES)


def parse_container_metrics_response(body: bytes) -> None:
    """Remember the container's name; the slice keeps the whole response alive."""
    name = memoryview(body)[:17]
    REGISTRY[name.tobytes().decode()] = name


def collect(rounds_per_second: float, seconds: float) -> None:
    """Fetch and parse at a steady rate."""
    begun = time.monotonic()
    number = 0
    while time.monotonic() - begun < seconds:
        number += 1
        parse_container_metrics_response(fetch(number))
        time.sleep(1.0 / rounds_per_second)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=40)
    parser.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    collect(options.rate, options.seconds)
