"""Holder paths as a person would write them, from the extension's structured steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Redact = Callable[[str], str]
ARROW = " → "
PLAIN = frozenset(
    {"dict", "list", "tuple", "set", "frozenset", "deque", "OrderedDict", "defaultdict", "Counter"}
)
COUNTED_MIN = 2  # shorter containers are not worth a number


class Step(NamedTuple):
    """One edge of a path: `how` something is held, by what, under which name."""

    how: str
    holder: str
    name: str
    held: str
    length: int
    node: int


class Segment(NamedTuple):
    """One part of a written path; `length` is -1 where there is nothing to count."""

    text: str
    length: int = -1
    node: int = -1


def parse_steps(record: str) -> list[Step]:
    """The steps of one line of the extension's text, without its head."""
    steps = []
    for part in record.split("\x1e")[1:]:
        how, holder, name, held, length, node = part.split("\x1f")
        steps.append(Step(how, holder, name, held, int(length), int(node)))
    return steps


def redacted(steps: list[Step], redact: Redact | None) -> list[Step]:
    """The same steps with every name replaced by what `redact` makes of it; built-in container types stay."""
    if redact is None:
        return steps

    def hide(text: str) -> str:
        return " ".join(word if word in PLAIN or word in _WORDS else redact(word) for word in text.split(" "))

    return [
        Step(
            step.how,
            step.holder if step.how == "root" else hide(step.holder),
            redact(step.name) if step.name else "",
            hide(step.held) if step.held else "",
            step.length,
            step.node,
        )
        for step in steps
    ]


_WORDS = frozenset(
    {
        "function",
        "class",
        "coroutine",
        "generator",
        "frame",
        "cell",
        "str",
        "bytes",
        "int",
        "module",
        "thread-local",
    }
)


def segments_of(steps: list[Step]) -> list[Segment]:
    """The written parts of a path; a chain of equal parts (a linked list) is written once, with an ellipsis."""
    written: list[Segment] = []
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if _is_told_by_next(step, following):
            continue
        for segment in _write(step):
            if written and written[-1].text.removesuffix(" …") == segment.text:
                written[-1] = Segment(segment.text + " …")
            else:
                written.append(segment)
    return written


def _is_told_by_next(step: Step, following: Step | None) -> bool:
    """`list → Order → Order.lines` says Order twice: the element is left out."""
    if following is None or step.how not in {"element", "key"}:
        return False
    return following.how == "attribute" and following.holder == step.held and bool(following.name)


def _write(step: Step) -> list[Segment]:
    place = _place(step)
    if place is None:
        return [Segment(_naming(step), step.length, step.node)]
    if step.how == "frame" and step.name:
        return [Segment(place), Segment(f"local {step.name}: {step.held}", step.length, step.node)]
    return [Segment(place), *([Segment(step.held, step.length, step.node)] if step.held else [])]


def _place(step: Step) -> str | None:
    """Where a path begins, or a part that holds nothing nameable; None for an ordinary edge."""
    if step.how == "root":
        return step.holder if step.holder.startswith("a ") else f"held by {step.holder}"
    return {
        "module": f"module {step.holder}",
        "frame": f"frame {step.holder}",
        "storage": "its own storage",
        "skipped": "…",
    }.get(step.how)


def _naming(step: Step) -> str:
    """An ordinary edge: the name under which something is held, and its type."""
    name = step.name or "…"
    return {
        "global": f"{name}: {step.held}",
        "attribute": f"{step.holder}.{name}: {step.held}",
        "closure": f"closure variable {name}: {step.held}",
        "local": f"local {name}: {step.held}",
        "key": f"key: {step.held}",
    }.get(step.how, step.held or "element")


def group_key(segments: list[Segment]) -> str:
    """Paths that differ in lengths alone are one path."""
    return ARROW.join(segment.text for segment in segments)


def write_path(segments: list[Segment], *, shared: set[int], rates: dict[str, float]) -> str:
    """The path with lengths of the containers in `shared` (nodes all objects of the group have in common).

    `rates` maps a path's key up to a container to that container's growth in entries per minute.
    """
    parts: list[str] = []
    keys: list[str] = []
    for segment in segments:
        keys.append(segment.text)
        text = segment.text
        if segment.length >= COUNTED_MIN and segment.node in shared:
            rate = rates.get(ARROW.join(keys))
            growth = f", {rate:+,.0f}/min" if rate is not None and abs(rate) >= 1 else ""
            text = f"{text} ({segment.length:,} entries{growth})"
        parts.append(text)
    return ARROW.join(parts)
