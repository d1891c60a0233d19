"""The syntax of patterns: from text to a tree of nodes, by recursive descent with bounds.

Read: literals, ``.``, classes, ``\\d \\w \\s`` and their opposites, ``( )``, ``(?: )``, ``|``, ``* + ? {m,n}`` (also
lazy), ``^ $ \\A \\z``. Not read: look-around, back references, ``\\b``, a repetition of a repetition.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from profiler_server.core.errors import LimitExceeded, UnsupportedFormat

MAX_PATTERN_NESTING = 100
MAX_REPEAT = 1_000

CharTest: TypeAlias = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a parsed pattern: "char", "all" (in sequence), "any" (alternatives), "repeat", "begin", "end"."""

    kind: str
    test: CharTest | None = None
    parts: tuple["Node", ...] = ()
    low: int = 0
    high: int | None = None


class PatternParser:
    """Recursive descent over the pattern's text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.nesting = 0

    def parse(self) -> Node:
        """Return the whole pattern; raises `UnsupportedFormat` for syntax that is not read, or `LimitExceeded`."""
        node = self._alternatives()
        if self.at < len(self.text):
            raise self._unread("an unmatched )")
        return node

    def _alternatives(self) -> Node:
        self.nesting += 1
        if self.nesting > MAX_PATTERN_NESTING:
            raise LimitExceeded(f"A pattern nests at most {MAX_PATTERN_NESTING} groups.")
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        self.nesting -= 1
        return parts[0] if len(parts) == 1 else Node("any", parts=tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Node("all", parts=tuple(parts))

    def _repeated(self, node: Node) -> Node:
        bounds = self._repetition()
        if bounds is None:
            return node
        self._take("?")
        if self._repetition() is not None:
            raise self._unread("a repetition of a repetition")
        return Node("repeat", parts=(node,), low=bounds[0], high=bounds[1])

    def _repetition(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        if not self._looking_at("{"):
            return None
        inside, brace, _ = self.text[self.at + 1 :].partition("}")
        low, comma, high = inside.partition(",")
        if not (brace and low.isdecimal() and (high.isdecimal() or not high)):
            return None
        self.at += len(inside) + 2
        most = int(high) if high else None if comma else int(low)
        if int(low) > MAX_REPEAT or (most or 0) > MAX_REPEAT:
            raise LimitExceeded(f"A repetition in a pattern goes up to {MAX_REPEAT}.")
        if most is not None and most < int(low):
            raise self._unread("a repetition whose end is before its beginning")
        return int(low), most

    def _atom(self) -> Node:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return Node("char", self._class())
        if char == ".":
            return Node("char", _not_newline)
        if char in "^$":
            return Node("begin" if char == "^" else "end")
        if char in "*+?":
            raise self._unread("a repetition of nothing")
        if char == "\\":
            return self._escape()
        return Node("char", char.__eq__)

    def _group(self) -> Node:
        if self._looking_at("?") and not self._take("?:"):
            raise self._unread("a group that begins with (? and is not (?:")
        node = self._alternatives()
        if not self._take(")"):
            raise self._unread("a group without its )")
        return node

    def _escape(self) -> Node:
        char = self._next()
        if char in "Az":
            return Node("begin" if char == "A" else "end")
        return Node("char", self._escaped(char))

    def _escaped(self, char: str) -> CharTest:
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROLS:
            return _CONTROLS[char].__eq__
        if char.isalnum():
            raise self._unread(f"\\{char}")
        return char.__eq__

    def _class(self) -> CharTest:
        negated = self._take("^")
        tests: list[CharTest] = []
        while not self._looking_at("]") or not tests:
            low = self._next()
            if low == "[" and self._looking_at(":"):
                raise self._unread("a named class such as [:alpha:]")
            if low == "\\":
                tests.append(self._escaped(self._next()))
            elif self._looking_at("-") and self.text[self.at + 1 : self.at + 2] != "]":
                self._next()
                tests.append(_between(low, self._next()))
            else:
                tests.append(low.__eq__)
        self._next()
        return _one_of(tuple(tests), negated=negated)

    def _next(self) -> str:
        if self.at >= len(self.text):
            raise self._unread("an end where more was expected")
        self.at += 1
        return self.text[self.at - 1]

    def _looking_at(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def _take(self, text: str) -> bool:
        taken = self._looking_at(text)
        self.at += len(text) if taken else 0
        return taken

    def _unread(self, what: str) -> UnsupportedFormat:
        return UnsupportedFormat(f"The pattern has {what} near character {self.at}, which is not understood.")


def _not_newline(char: str) -> bool:
    return char != "\n"


def _between(low: str, high: str) -> CharTest:
    return lambda char: low <= char <= high


def _one_of(tests: tuple[CharTest, ...], *, negated: bool) -> CharTest:
    return lambda char: any(test(char) for test in tests) is not negated


def _word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


def _digit(char: str) -> bool:
    return "0" <= char <= "9"


def _space(char: str) -> bool:
    return char in "\t\n\f\r "


_CLASSES: dict[str, CharTest] = {
    "w": _word,
    "d": _digit,
    "s": _space,
    "W": lambda char: not _word(char),
    "D": lambda char: not _digit(char),
    "S": lambda char: not _space(char),
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
