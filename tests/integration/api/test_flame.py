"""Flame graphs and comparisons over the API."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
import zstandard
from django.http import HttpResponse

from profiler_server.codecs.flame_payload import MAGIC, MEDIA_TYPE
from tests.integration.api.shelf import KIB, Shelf


def nodes(answer: dict[str, Any]) -> dict[str, int]:
    """Return cumulative values by function."""
    columns = answer["nodes"]
    return {answer["names"][k]: value for k, value in zip(columns["name"], columns["value"], strict=True)}


def test_in_use_memory_is_the_mean_over_time(shelf: Shelf) -> None:
    answer = shelf.json("flame")
    assert nodes(answer)["shop.cache.keep"] == pytest.approx(550 * KIB, rel=0.1)
    assert nodes(answer)["total"] == nodes(answer)["shop.cache.keep"] + 50 * KIB
    assert answer["unit"] == "bytes"
    assert answer["meta"]["sample_type"] == "inuse_space"
    assert set(answer["meta"]["sample_types"]) == {"inuse_space", "inuse_objects"}


def test_one_snapshot(shelf: Shelf) -> None:
    newest = shelf.json("snapshots")["snapshots"][0]["id"]
    assert nodes(shelf.json("flame", snapshot=newest))["shop.cache.keep"] == 1000 * KIB


def test_another_sample_type_and_granularity(shelf: Shelf) -> None:
    answer = shelf.json("flame", type="inuse_objects", granularity="file")
    assert answer["unit"] == "count"
    assert nodes(answer)["/app/shop/cache.py"] == pytest.approx(550, rel=0.1)


def test_fewer_nodes_keep_the_total(shelf: Shelf) -> None:
    answer = shelf.json("flame", max_nodes=3)
    assert len(answer["nodes"]["value"]) <= 3
    assert nodes(answer)["total"] == nodes(shelf.json("flame"))["total"]


def test_a_comparison(shelf: Shelf) -> None:
    now = shelf.end.timestamp()
    query = {"from": now - 1230, "base_from": now - 3300, "base_to": now - 1230}
    answer = shelf.json("diff", **query)
    names = [answer["names"][k] for k in answer["nodes"]["name"]]
    change = dict(zip(names, answer["nodes"]["delta"], strict=True))
    assert change["shop.cache.keep"] == pytest.approx(500 * KIB, rel=0.1)
    assert change["shop.views.render"] == 0
    assert answer["meta"]["base_to"] == now - 1230
    assert answer["meta"]["load"]["current"] > 0


def test_binary_columns_by_accept_and_by_format(shelf: Shelf) -> None:
    by_accept = shelf.member.get(shelf.path("flame"), headers={"Accept": MEDIA_TYPE})
    by_format = shelf.member.get(shelf.path("flame", format="binary"))
    assert by_accept.headers["Content-Type"] == MEDIA_TYPE
    assert by_accept.content[:4] == MAGIC
    assert by_accept.content == by_format.content


def body_of(response: HttpResponse) -> bytes:
    packed = {"zstd": zstandard.decompress, "gzip": gzip.decompress}.get(response.headers["Content-Encoding"])
    assert packed is not None
    return packed(response.content)


def test_compressed_as_the_client_can_read(shelf: Shelf) -> None:
    path = shelf.path("series")
    plain = shelf.member.get(path)
    for coding in ("zstd", "gzip"):
        packed = shelf.member.get(path, headers={"Accept-Encoding": coding})
        assert body_of(packed) == plain.content
    assert "Content-Encoding" not in plain.headers


def test_unchanged_answers_are_not_sent_again(shelf: Shelf) -> None:
    first = shelf.member.get(shelf.path("flame"))
    again = shelf.member.get(shelf.path("flame"), headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_an_empty_range_is_an_empty_graph(shelf: Shelf) -> None:
    start = shelf.start.timestamp()
    answer = shelf.json("flame", **{"from": start - 7200, "to": start - 3600})
    assert answer["nodes"]["value"] == [0]
