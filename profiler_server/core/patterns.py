"""Regular expressions of strangers, matched in linear time: RE2's common syntax on a lazily built automaton.

`drop_frames` and `keep_frames` travel inside profiles, `focus` and `hide` come from URLs: a backtracking engine would
let anyone burn a core. Here a text of n characters costs O(n × states); states, nesting and length are bounded.

The syntax is that of `pattern_syntax`, with a leading ``(?i)`` to fold case.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from profiler_server.core.errors import LimitExceeded
from profiler_server.core.pattern_syntax import CharTest, Node, PatternParser

MAX_PATTERN_LENGTH = 16_384
MAX_PATTERN_STATES = 20_000
MAX_REMEMBERED_STATES = 100_000
# States looked at in one call, over all its texts: about a second.
MAX_PATTERN_WORK = 4_000_000

_MATCH = 0

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
        parser = PatternParser(text.lower() if fold_case else text)
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

    def build(self, node: Node, following: int) -> int:
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

    def _repeat(self, node: Node, following: int) -> int:
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
