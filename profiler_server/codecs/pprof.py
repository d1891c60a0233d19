"""pprof: the format of Go's, and by now nearly everyone's, heap profiles.

`decode` reads gzip'd or plain messages and applies the rules of google/pprof: unique ids that need not be positional,
inlined lines, unsymbolised addresses, drop and keep frames, labels. `encode` writes what pprof's own tools read.
"""

from itertools import pairwise

import numpy as np

from profiler_server.codecs import engine
from profiler_server.codecs.compression import pack, unpack
from profiler_server.codecs.pprof_message import RESERVED_LABELS, PprofMessage
from profiler_server.codecs.pprof_stacks import SymbolTable, stack_rows
from profiler_server.codecs.pprof_writer import ProtoWriter, StringTable
from profiler_server.core.profile import (
    Frame,
    Int32Array,
    Label,
    LabelSet,
    Profile,
    SampleType,
    StackTable,
)
from profiler_server.core.stacks import Rows, offsets_of, unique_rows
from profiler_server.core.validate import DEFAULT_LIMITS, ProfileLimits, check_profile


def decode(
    body: bytes, limits: ProfileLimits = DEFAULT_LIMITS, *, parser: engine.Parser = engine.PARSER
) -> Profile:
    """Return the profile that a pprof body holds.

    Raises `InvalidProfile` for anything that breaks the format, `LimitExceeded` beyond one of the limits.
    """
    message = parser.parse(unpack(body, limits.unpacked_bytes), limits).checked()
    symbols = SymbolTable.of(message, limits)
    rows = stack_rows(message, symbols, limits)
    unique, stack_ids = unique_rows(rows)
    labels, label_ids = _labels(message, limits)
    period = message.period_type.tolist()
    profile = Profile(
        sample_types=message.sample_type_names(limits),
        stacks=StackTable(symbols.frames, unique.offsets, unique.flat.astype(np.int32)),
        stack_ids=stack_ids,
        values=message.values,
        labels=labels,
        label_ids=label_ids,
        time_ns=message.header_field("time_nanos"),
        duration_ns=message.header_field("duration_nanos"),
        period_type=SampleType(*(message.string(i, limits) for i in period[0])) if period else None,
        period=message.header_field("period"),
        default_sample_type=message.string(message.header_field("default_sample_type"), limits),
    )
    return check_profile(profile, limits)


def encode(profile: Profile, *, compress: bool = True) -> bytes:
    """Return the profile as a pprof body; the same profile gives the same bytes.

    Each frame becomes one function and one location; a decoded body has the same stacks, labels and values.
    """
    strings, out = StringTable(), ProtoWriter()
    for kind in profile.sample_types:
        out.message(1, _value_type(kind, strings))
    _write_samples(profile, strings, out)
    _write_frames(profile.stacks.frames, strings, out)
    tail = ProtoWriter()
    tail.integer(9, profile.time_ns)
    tail.integer(10, profile.duration_ns)
    if profile.period_type is not None:
        tail.message(11, _value_type(profile.period_type, strings))
    tail.integer(12, profile.period)
    tail.integer(14, strings.index(profile.default_sample_type))
    for text in strings.texts:
        out.text(6, text)
    content = out.content() + tail.content()
    return pack(content) if compress else content


def _labels(message: PprofMessage, limits: ProfileLimits) -> tuple[tuple[LabelSet, ...], Int32Array]:
    """Return the distinct label sets and int32[n] of each sample's set; reserved labels are left out."""
    distinct, which = unique_rows(
        Rows(offsets_of(np.full(len(message.labels), 3)), message.labels[:, :3].ravel())
    )
    labels = [_label(message, row, limits) for row in distinct.flat.reshape(-1, 3).tolist()]
    owners = message.label_samples
    if (np.diff(owners) > 0).all():
        sets: dict[LabelSet, int] = {(): 0}
        numbers = [sets.setdefault((label,) if label else (), len(sets)) for label in labels]
        ids = np.zeros(len(message), np.int32)
        ids[owners] = np.array(numbers, np.int32)[which]
        return tuple(sets), ids
    return _label_sets(len(message), owners.tolist(), [labels[i] for i in which.tolist()])


def _label_sets(
    samples: int, owners: list[int], labels: list[Label | None]
) -> tuple[tuple[LabelSet, ...], Int32Array]:
    """Put together the labels of samples that have several."""
    per_sample: dict[int, list[Label]] = {}
    for sample, label in zip(owners, labels, strict=True):
        if label is not None:
            per_sample.setdefault(sample, []).append(label)
    sets: dict[LabelSet, int] = {(): 0}
    ids = np.zeros(samples, np.int32)
    for sample, found in per_sample.items():
        ids[sample] = sets.setdefault(tuple(sorted(found, key=repr)), len(sets))
    return tuple(sets), ids


def _label(message: PprofMessage, row: list[int], limits: ProfileLimits) -> Label | None:
    key = message.string(row[0], limits)
    if not key or key.startswith(RESERVED_LABELS):
        return None
    if not row[1]:
        return key, row[2]
    text = message.string(row[1], limits)
    return (key, text) if text else None


def _value_type(kind: SampleType, strings: StringTable) -> bytes:
    out = ProtoWriter()
    out.integer(1, strings.index(kind.name))
    out.integer(2, strings.index(kind.unit))
    return out.content()


def _write_samples(profile: Profile, strings: StringTable, out: ProtoWriter) -> None:
    location_ids = (profile.stacks.frame_ids + 1).tolist()
    spans = list(pairwise(profile.stacks.offsets.tolist()))
    labels = [b"".join(_encoded_labels(found, strings)) for found in profile.labels]
    samples = zip(
        profile.stack_ids.tolist(), profile.values.tolist(), profile.label_ids.tolist(), strict=True
    )
    for stack, values, label in samples:
        low, high = spans[stack]
        sample = ProtoWriter()
        sample.packed(1, location_ids[low:high])
        sample.packed(2, values)
        out.message(2, sample.content() + labels[label])


def _encoded_labels(labels: LabelSet, strings: StringTable) -> list[bytes]:
    parts = []
    for key, value in labels:
        label, holder = ProtoWriter(), ProtoWriter()
        label.integer(1, strings.index(key))
        if isinstance(value, str):
            label.integer(2, strings.index(value))
        else:
            label.integer(3, value)
        holder.message(3, label.content())
        parts.append(holder.content())
    return parts


def _write_frames(frames: tuple[Frame, ...], strings: StringTable, out: ProtoWriter) -> None:
    functions: dict[tuple[str, str], int] = {}
    for number, frame in enumerate(frames, start=1):
        function = functions.setdefault((frame.function, frame.file), len(functions) + 1)
        line, location = ProtoWriter(), ProtoWriter()
        line.integer(1, function)
        line.integer(2, frame.line)
        location.integer(1, number)
        location.message(4, line.content())
        out.message(4, location.content())
    for (name, file), number in functions.items():
        function_entry = ProtoWriter()
        function_entry.integer(1, number)
        function_entry.integer(2, strings.index(name))
        function_entry.integer(3, strings.index(name))
        function_entry.integer(4, strings.index(file))
        out.message(5, function_entry.content())
