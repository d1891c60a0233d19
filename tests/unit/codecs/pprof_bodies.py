"""Hand-made pprof messages, to break one rule at a time."""

from __future__ import annotations

from collections.abc import Sequence

from profiler_server.codecs.pprof_writer import ProtoWriter, StringTable


class Body:
    """A message under construction; strings get their index by their text."""

    def __init__(self, *sample_types: tuple[str, str]) -> None:
        self.strings = StringTable()
        self.out = ProtoWriter()
        for name, unit in sample_types or (("inuse_space", "bytes"),):
            self.message(1, (1, self.strings.index(name)), (2, self.strings.index(unit)))

    def message(self, number: int, *fields: tuple[int, int | bytes]) -> Body:
        self.out.message(number, message(*fields))
        return self

    def sample(self, locations: Sequence[int], values: Sequence[int], *labels: tuple[str, str | int]) -> Body:
        part = ProtoWriter()
        part.packed(1, locations)
        part.packed(2, values)
        for key, value in labels:
            worth = (2, self.strings.index(value)) if isinstance(value, str) else (3, value)
            part.message(3, message((1, self.strings.index(key)), worth))
        self.out.message(2, part.content())
        return self

    def mapping(self, number: int, start: int, offset: int, file: str, build_id: str = "") -> Body:
        names = ((5, self.strings.index(file)), (6, self.strings.index(build_id)))
        return self.message(3, (1, number), (2, start), (3, start + 4096), (4, offset), *names)

    def location(self, number: int, *lines: tuple[int, int], address: int = 0, mapping: int = 0) -> Body:
        parts = [(4, message((1, function), (2, line))) for function, line in lines]
        return self.message(4, (1, number), (2, mapping), (3, address), *parts)

    def function(self, number: int, name: str, file: str = "") -> Body:
        return self.message(5, (1, number), (2, self.strings.index(name)), (4, self.strings.index(file)))

    def header(self, number: int, value: int | str) -> Body:
        self.out.integer(number, self.strings.index(value) if isinstance(value, str) else value)
        return self

    def content(self) -> bytes:
        tail = ProtoWriter()
        for text in self.strings.texts:
            tail.text(6, text)
        return self.out.content() + tail.content()


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """Return a message of scalars (int) and nested parts (bytes)."""
    out = ProtoWriter()
    for number, value in fields:
        if isinstance(value, bytes):
            out.message(number, value)
        else:
            out.integer(number, value)
    return out.content()
