"""Regular expressions of strangers, matched in linear time: RE2's common syntax on a lazily built automaton.

`drop_frames` and `keep_frames` travel inside profiles, `focus` and `hide` come from URLs: a backtracking engine would
let anyone burn a core. Here a text of n characters costs O(n × states); states, nesting and length are bounded.

Read: literals, ``.``, classes, ``\\d \\w \\s`` and their opposites, ``( )``, ``(?: )``, ``|``, ``* + ? {m,n}`` (also
lazy), ``^ $ \\A \\z``, a leading ``(?i)``. Not read: look-around, back references, ``\\b``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from profiler_server.core.errors import LimitExceeded, UnsupportedFormat

MAX_PATTERN_LENGTH = 16_384
MAX_PATTERN_STATES = 20_000
MAX_PATTERN_NESTING = 100
MAX_REPEAT = 1_000
MAX_REMEMBERED_STATES = 100_000
# States looked at in one call, over all its texts: about a second.
MAX_PATTERN_WORK = 4_000_000

_MATCH = 0

CharTest: TypeAlias = Callable[[str], bool]
_Set: TypeAlias = frozenset[int]


@dataclass(frozen=True, slots=True)
class _State:
    """One state: a test that consumes a character, or an empty step ("split", "begin", "end", "match")."""

    kind: str
    test: CharTest | None = None
    to: tuple[int, ...] = ()


@dataclass(eq=False)
class Pattern:
    """A compiled pattern; `search` looks anywhere, `fullmatch` at the whole text."""

    states: list[_State]
    start: int
    fold_case: bool
    _steps: dict[tuple[_Set, str, bool], _Set] = field(default_factory=dict)
    _remembered: int = 0

    @staticmethod
    @lru_cache(maxsize=16)
    def compile(pattern: str) -> "Pattern":
        """Compile; raises `UnsupportedFormat` for syntax that is not read and `LimitExceeded` beyond a bound."""
        if len(pattern) > MAX_PATTERN_LENGTH:
            raise LimitExceeded(f"A pattern has at most {MAX_PATTERN_LENGTH} characters, not {len(pattern)}.")
        fold_case = pattern.startswith("(?i)")
        text = pattern.removeprefix("(?i)")
        parser = _Parser(text.lower() if fold_case else text)
        builder = _Builder()
        start = builder.build(parser.parse(), _MATCH)
        return Pattern(builder.states, start, fold_case)

    def search(self, texts: Iterable[str]) -> list[bool]:
        """Return for each text whether any part of it matches; `LimitExceeded` when all together cost too much."""
        return self._run(texts, anywhere=True)

    def fullmatch(self, texts: Iterable[str]) -> list[bool]:
        """Return for each text whether the whole of it matches; raises as `search` does."""
        return self._run(texts, anywhere=False)

    def _run(self, texts: Iterable[str], *, anywhere: bool) -> list[bool]:
        found, work = [], 0
        for text in texts:
            matched, cost = self._match(text.lower() if self.fold_case else text, anywhere=anywhere)
            found.append(matched)
            work += cost
            _check_work(work)
        return found

    def _match(self, text: str, *, anywhere: bool) -> tuple[bool, int]:
        """Return (whether it matches, how many states were looked at)."""
        current = self._closure([self.start], begin=True, end=False)
        work = len(text)
        for char in text:
            if anywhere and _MATCH in current:
                return True, work
            key = (current, char, anywhere)
            following = self._steps.get(key)
            if following is None:
                following = self._step(current, char, anywhere=anywhere)
                work += len(current) + len(following)
                _check_work(work)
                self._remember(key, following)
            current = following
            if not current:
                return False, work
        return _MATCH in self._closure(current, begin=not text, end=True), work

    def _remember(self, key: tuple[_Set, str, bool], following: _Set) -> None:
        self._remembered += len(following) + 1
        if self._remembered > MAX_REMEMBERED_STATES:
            self._steps.clear()
            self._remembered = len(following) + 1
        self._steps[key] = following

    def _step(self, states: _Set, char: str, *, anywhere: bool) -> _Set:
        after = [
            target
            for i in states
            if (test := self.states[i].test) is not None and test(char)
            for target in self.states[i].to
        ]
        return self._closure([*after, self.start] if anywhere else after, begin=False, end=False)

    def _closure(self, states: Iterable[int], *, begin: bool, end: bool) -> _Set:
        """Follow the empty steps that hold here; states that wait for the end of the text are kept."""
        pending, seen = list(states), set()
        while pending:
            i = pending.pop()
            if i in seen:
                continue
            seen.add(i)
            kind = self.states[i].kind
            if kind == "split" or (kind == "begin" and begin) or (kind == "end" and end):
                pending.extend(self.states[i].to)
        return frozenset(seen)


def _check_work(work: int) -> None:
    if work > MAX_PATTERN_WORK:
        raise LimitExceeded("Matching this pattern takes too long here; make it simpler or more specific.")


@dataclass(frozen=True, slots=True)
class _Node:
    """A part of a parsed pattern: "char", "all" (in sequence), "any" (alternatives), "repeat", "begin", "end"."""

    kind: str
    test: CharTest | None = None
    parts: tuple["_Node", ...] = ()
    low: int = 0
    high: int | None = None


class _Builder:
    """Turns a parsed pattern into states, from its end to its beginning (Thompson 1968)."""

    def __init__(self) -> None:
        self.states = [_State("match")]
        self.calls = 0

    def add(self, state: _State) -> int:
        if len(self.states) >= MAX_PATTERN_STATES:
            raise LimitExceeded(f"The pattern needs more than {MAX_PATTERN_STATES} states; make it simpler.")
        self.states.append(state)
        return len(self.states) - 1

    def build(self, node: _Node, following: int) -> int:
        """Return the first state of `node`, which leads to `following`."""
        self.calls += 1
        if self.calls > MAX_PATTERN_STATES:
            raise LimitExceeded("The pattern repeats too much; make it simpler.")
        if node.kind == "all":
            for part in reversed(node.parts):
                following = self.build(part, following)
            return following
        if node.kind == "any":
            return self.add(_State("split", to=tuple(self.build(part, following) for part in node.parts)))
        if node.kind == "repeat":
            return self._repeat(node, following)
        return self.add(_State(node.kind, node.test, (following,)))

    def _repeat(self, node: _Node, following: int) -> int:
        (part,) = node.parts
        if node.high is None:
            loop = self.add(_State("split"))
            self.states[loop] = _State("split", to=(self.build(part, loop), following))
            following = loop
        else:
            skip = following
            for _ in range(node.high - node.low):
                following = self.add(_State("split", to=(self.build(part, following), skip)))
        for _ in range(node.low):
            following = self.build(part, following)
        return following


class _Parser:
    """Recursive descent over the pattern's text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.nesting = 0

    def parse(self) -> _Node:
        node = self._alternatives()
        if self.at < len(self.text):
            raise self._unread("an unmatched )")
        return node

    def _alternatives(self) -> _Node:
        self.nesting += 1
        if self.nesting > MAX_PATTERN_NESTING:
            raise LimitExceeded(f"A pattern nests at most {MAX_PATTERN_NESTING} groups.")
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        self.nesting -= 1
        return parts[0] if len(parts) == 1 else _Node("any", parts=tuple(parts))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else _Node("all", parts=tuple(parts))

    def _repeated(self, node: _Node) -> _Node:
        bounds = self._repetition()
        if bounds is None:
            return node
        self._take("?")
        if self._repetition() is not None:
            raise self._unread("a repetition of a repetition")
        return _Node("repeat", parts=(node,), low=bounds[0], high=bounds[1])

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

    def _atom(self) -> _Node:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return _Node("char", self._class())
        if char == ".":
            return _Node("char", _not_newline)
        if char in "^$":
            return _Node("begin" if char == "^" else "end")
        if char in "*+?":
            raise self._unread("a repetition of nothing")
        if char == "\\":
            return self._escape()
        return _Node("char", char.__eq__)

    def _group(self) -> _Node:
        if self._looking_at("?") and not self._take("?:"):
            raise self._unread("a group that begins with (? and is not (?:")
        node = self._alternatives()
        if not self._take(")"):
            raise self._unread("a group without its )")
        return node

    def _escape(self) -> _Node:
        char = self._next()
        if char in "Az":
            return _Node("begin" if char == "A" else "end")
        return _Node("char", self._escaped(char))

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
