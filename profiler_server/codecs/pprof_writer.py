"""Writing protobuf: varints, packed numbers, nested messages, and a table of strings."""

from collections.abc import Sequence

_MASK = 2**64 - 1


def varint(number: int) -> bytes:
    """Return a number modulo 2**64 (negative ones as two's complement) in base 128, least group first."""
    number &= _MASK
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_SHORT = tuple(varint(number) for number in range(1 << 14))


class ProtoWriter:
    """Collects the fields of one message; scalars of value 0 are left out, as proto3 does."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def integer(self, number: int, value: int) -> None:
        """Write a scalar field."""
        if value:
            self._parts += (_SHORT[number << 3], varint(value))

    def packed(self, number: int, values: Sequence[int]) -> None:
        """Write a repeated scalar field in its packed form."""
        if values:
            self.message(number, b"".join(_SHORT[v] if 0 <= v < 1 << 14 else varint(v) for v in values))

    def message(self, number: int, content: bytes) -> None:
        """Write a nested message or bytes, also when they are empty."""
        self._parts += (_SHORT[number << 3 | 2], varint(len(content)), content)

    def text(self, number: int, text: str) -> None:
        """Write a string; what UTF-8 cannot hold (lone surrogates) is replaced."""
        self.message(number, text.encode("utf-8", "replace"))

    def content(self) -> bytes:
        """Return the message."""
        return b"".join(self._parts)


class StringTable:
    """Numbers strings in order of first use; "" is 0."""

    def __init__(self) -> None:
        self._known = {"": 0}

    @property
    def texts(self) -> tuple[str, ...]:
        """All strings so far, by their number."""
        return tuple(self._known)

    def index(self, text: str) -> int:
        """Return the string's number."""
        return self._known.setdefault(text, len(self._known))
