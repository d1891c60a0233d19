"""Unpacking: caps, damage and several members."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
import zstandard

from profiler_server.codecs.compression import MAX_PARTS, gunzip, pack, unpack, unzstd
from profiler_server.core.errors import InvalidProfile, LimitExceeded

BOMB = bytes(2**22)


def test_gzip_reads_back_and_packs_the_same_each_time() -> None:
    assert gunzip(pack(b"profile" * 100), 2**20) == b"profile" * 100
    assert pack(b"x") == pack(b"x")
    assert unpack(b"plain", 10) == b"plain"
    assert gunzip(gzip.compress(b"ab") + gzip.compress(b"cd"), 4) == b"abcd"


@pytest.mark.parametrize(
    "call", [lambda n: gunzip(gzip.compress(BOMB), n), lambda n: unzstd(zstandard.compress(BOMB), n)]
)
def test_a_bomb_stops_at_the_cap(call: Callable[[int], bytes]) -> None:
    with pytest.raises(LimitExceeded):
        call(2**20)
    assert call(2**22) == BOMB


def test_zstd_frames_follow_each_other() -> None:
    assert unzstd(zstandard.compress(b"ab") + zstandard.compress(b"cd"), 4) == b"abcd"
    assert unzstd(b"", 4) == b""


def test_the_cap_counts_all_members_together() -> None:
    with pytest.raises(LimitExceeded):
        gunzip(gzip.compress(b"ab") + gzip.compress(b"cd"), 3)
    with pytest.raises(LimitExceeded):
        unpack(b"plain", 4)


@pytest.mark.parametrize(
    "body", [b"", b"\x1f\x8b", gzip.compress(b"abc")[:-1], gzip.compress(b"abc")[:-8] + bytes(8)]
)
def test_damaged_gzip_is_refused(body: bytes) -> None:
    if body:
        with pytest.raises(InvalidProfile):
            gunzip(body, 100)
    else:
        assert gunzip(body, 100) == b""


@pytest.mark.parametrize(
    "body", [b"not zstd", zstandard.compress(b"abc" * 50)[:-3], zstandard.compress(b"abc") + b"tail"]
)
def test_damaged_zstd_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidProfile):
        unzstd(body, 1000)


@pytest.mark.parametrize(("packer", "unpacker"), [(gzip.compress, gunzip), (zstandard.compress, unzstd)])
def test_many_small_parts_are_refused(
    packer: Callable[[bytes], bytes], unpacker: Callable[[bytes, int], bytes]
) -> None:
    assert unpacker(packer(b"") * MAX_PARTS, 10) == b""
    with pytest.raises(LimitExceeded):
        unpacker(packer(b"") * (MAX_PARTS + 1), 10)
