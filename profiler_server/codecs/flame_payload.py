"""A flame tree as binary columns for the browser: typed arrays and a string table, read without parsing a node.

Layout, all little-endian::

    "PLF1"  uint32 length of the header  header (JSON, UTF-8)  padding to 8  columns, each padded to 8

The header gives ``nodes``, ``unit``, ``diff``, ``meta``, and for every column its ``dtype`` (u1, u2, u4, f8),
``offset`` (from the first column) and ``length`` (in items; for strings in bytes). The columns are

``up``             levels that are climbed before node i: level[i] = level[i - 1] + 1 - up[i]
``name``           index of the node's name
``file_of, line_of``  per name: index of its file, its line (0 = unknown)
``current_gaps, current``    the nodes that have an own (flat) value, as gaps, and those values
``baseline_gaps, baseline``  the same for the baseline of a diff
``functions, files``         strings, separated by line feeds

Own values, not cumulative ones, travel: most nodes have none, and the reader's sums cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from profiler_server.core.tree import FlameTree

MAGIC = b"PLF1"
ALIGNMENT = 8
MEDIA_TYPE = "application/vnd.plimsoll.flame"

Column = npt.NDArray[np.generic]


def encode_flame(tree: FlameTree, meta: Mapping[str, object] | None = None) -> bytes:
    """Return `tree` in the layout of this module; `meta` is passed through to the page as JSON."""
    files, file_of = _file_table(tree.files)
    columns: dict[str, Column] = {
        "up": _narrow(_levels_up(tree.depth)),
        "name": _narrow(tree.name_id),
        "file_of": _narrow(file_of),
        "line_of": _narrow(np.asarray(tree.lines, dtype=np.int64)),
    }
    columns["current_gaps"], columns["current"] = _sparse(tree.self_value)
    if tree.self_delta is not None:
        columns["baseline_gaps"], columns["baseline"] = _sparse(tree.self_value - tree.self_delta)
    strings = {"functions": _joined(tree.names), "files": _joined(files)}
    header: dict[str, object] = {
        "nodes": len(tree),
        "unit": tree.sample_type.unit,
        "diff": tree.self_delta is not None,
        "meta": dict(meta or {}),
    }
    return _assemble(header, columns, strings)


def _assemble(
    header: dict[str, object], columns: Mapping[str, Column], strings: Mapping[str, bytes]
) -> bytes:
    parts: list[bytes] = []
    offset = 0
    described: dict[str, object] = {}
    for key, column in columns.items():
        described[key] = {"dtype": _dtype_name(column), "offset": offset, "length": len(column)}
        offset += _append(parts, column.tobytes())
    described_strings: dict[str, object] = {}
    for key, text in strings.items():
        described_strings[key] = {"offset": offset, "length": len(text)}
        offset += _append(parts, text)
    head = json.dumps(
        {**header, "columns": described, "strings": described_strings}, separators=(",", ":")
    ).encode()
    lead = MAGIC + len(head).to_bytes(4, "little") + head
    return b"".join((lead, b"\0" * (-len(lead) % ALIGNMENT), *parts))


def _append(parts: list[bytes], body: bytes) -> int:
    padding = -len(body) % ALIGNMENT
    parts.append(body)
    parts.append(b"\0" * padding)
    return len(body) + padding


def _dtype_name(column: Column) -> str:
    return {"u": "u", "f": "f"}[column.dtype.kind] + str(column.dtype.itemsize)


def _levels_up(depth: npt.NDArray[np.signedinteger]) -> npt.NDArray[np.int64]:
    """Return int64[n]: how many levels lie between node i and the child that node i - 1 could have had."""
    if not len(depth):
        return np.zeros(0, np.int64)
    return np.concatenate(([0], 1 - np.diff(depth.astype(np.int64))))


def _sparse(values: npt.NDArray[np.signedinteger]) -> tuple[Column, Column]:
    """Return the gaps between nonzero values, and those values, each as narrow as it can be."""
    where = np.flatnonzero(values)
    gaps = np.diff(where, prepend=0)
    return _narrow(gaps), _narrow(values[where])


def _narrow(values: npt.NDArray[np.signedinteger]) -> Column:
    """Return `values` as the narrowest unsigned type that holds them; beyond 32 bits or below 0 as float64."""
    if not len(values):
        return np.zeros(0, np.uint8)
    if int(values.min()) < 0:
        return values.astype("<f8")
    largest = int(values.max())
    for limit, dtype in ((1 << 8, "<u1"), (1 << 16, "<u2"), (1 << 32, "<u4")):
        if largest < limit:
            return values.astype(dtype)
    return values.astype("<f8")


def _file_table(files: Sequence[str]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the distinct files and, per name, the index of its file."""
    index: dict[str, int] = {}
    file_of = np.fromiter((index.setdefault(file, len(index)) for file in files), np.int64, len(files))
    return list(index) or [""], file_of


def _joined(strings: Sequence[str]) -> bytes:
    """Return the strings separated by line feeds; a line feed inside one becomes a space."""
    return "\n".join(text.replace("\n", " ") for text in strings).encode("utf-8", "replace")
