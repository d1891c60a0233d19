"""A pprof message as flat columns: what both parsers (compiled and pure) produce and everything else reads.

Strings stay where they are in the message; a column holds their index in the string table. Field numbers and rules:
https://github.com/google/pprof/blob/main/proto/profile.proto
"""

from dataclasses import dataclass, replace

import numpy as np

from profiler_server.core.errors import InvalidProfile
from profiler_server.core.profile import Int32Array, Int64Array, IntArray, SampleType, UInt64Array
from profiler_server.core.stacks import Rows, gather
from profiler_server.core.validate import ProfileLimits

HEADER_FIELDS = (
    "drop_frames",
    "keep_frames",
    "time_nanos",
    "duration_nanos",
    "period",
    "default_sample_type",
)
RESERVED_LABELS = "pprof::"
MALFORMED = "The body is not a well-formed pprof message."
MANY_PROFILES = "The body holds more than one profile."
WRONG_WIDTH = "Every sample needs one value per sample type."
BAD_STRING_TABLE = "The string table must begin with an empty string."
BAD_STRING_INDEX = "A string index lies outside the string table."
NO_SAMPLE_TYPE = "The profile names no sample type."


def text_of(raw: bytes, limits: ProfileLimits) -> str:
    """Return a string of a message as text: what is not UTF-8, and NUL, becomes U+FFFD."""
    limits.check("string_length", len(raw))
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


@dataclass(frozen=True, eq=False)
class PprofMessage:
    """Columns of one message, in the order of the wire.

    `sample_types` int64[t, 2] (type, unit) · `period_type` int64[0 or 1, 2] · `header` int64[6], see HEADER_FIELDS ·
    `sample_offsets` int32[n + 1] into `location_ids` uint64[…] · `values` int64[n, t] ·
    `label_samples` int32[l] · `labels` int64[l, 4] (key, str, num, unit) ·
    `mappings` int64[m, 6] (id, start, limit, offset, file, build id) ·
    `locations` uint64[k, 3] (id, mapping, address) ·
    `line_offsets` int32[k + 1] into `lines` int64[…, 2] (function, line) · `functions` int64[f, 4] (id, name,
    system name, file) · `strings` int32[s, 2] (offset, length in `buffer`).
    """

    buffer: bytes
    sample_types: Int64Array
    period_type: Int64Array
    header: Int64Array
    sample_offsets: Int32Array
    location_ids: UInt64Array
    values: Int64Array
    label_samples: Int32Array
    labels: Int64Array
    mappings: Int64Array
    locations: UInt64Array
    line_offsets: Int32Array
    lines: Int64Array
    functions: Int64Array
    strings: Int32Array

    def __len__(self) -> int:
        return len(self.values)

    def header_field(self, name: str) -> int:
        """Return one scalar of the message by its name in HEADER_FIELDS."""
        return int(self.header[HEADER_FIELDS.index(name)])

    def raw_string(self, index: int) -> bytes:
        """Return a string's bytes."""
        offset, length = self.strings[index].tolist()
        return self.buffer[offset : offset + length]

    def string(self, index: int, limits: ProfileLimits) -> str:
        """Return a string as text: what is not UTF-8, and NUL, becomes U+FFFD."""
        return text_of(self.raw_string(index), limits)

    def checked(self) -> "PprofMessage":
        """Return the message if every string index lies in the table and the table begins with an empty string.

        Raises `InvalidProfile`.
        """
        if not len(self.strings) or self.strings[0, 1] != 0:
            raise InvalidProfile(BAD_STRING_TABLE)
        used = (
            self.sample_types,
            self.period_type,
            self.header[[0, 1, 5]],
            self.labels[:, :2],
            self.labels[:, 3],
            self.mappings[:, 4:],
            self.functions[:, 1:],
        )
        # Read as unsigned numbers, a negative index is a very large one.
        if any(int(part.view(np.uint64).max(initial=0)) >= len(self.strings) for part in used):
            raise InvalidProfile(BAD_STRING_INDEX)
        if not len(self.sample_types):
            raise InvalidProfile(NO_SAMPLE_TYPE)
        return self

    def only_samples(self, which: IntArray) -> "PprofMessage":
        """Return the message with the chosen samples and the locations that they use, labels left out."""
        samples = gather(Rows(self.sample_offsets, self.location_ids.view(np.int64)), which)
        used = np.flatnonzero(np.isin(self.locations[:, 0], samples.flat.view(np.uint64)))
        lines = gather(Rows(self.line_offsets, np.arange(len(self.lines))), used)
        return replace(
            self,
            sample_offsets=samples.offsets,
            location_ids=samples.flat.view(np.uint64),
            values=self.values[which],
            label_samples=self.label_samples[:0],
            labels=self.labels[:0],
            locations=self.locations[used],
            line_offsets=lines.offsets,
            lines=self.lines[lines.flat],
        )

    def sample_type_names(self, limits: ProfileLimits) -> tuple[SampleType, ...]:
        """Return the sample types as text."""
        return tuple(
            SampleType(self.string(kind, limits), self.string(unit, limits))
            for kind, unit in self.sample_types.tolist()
        )
