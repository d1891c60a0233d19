"""The reference decoder: google.protobuf (upb) with a plain Python loop to numpy, as one would first write it."""

from __future__ import annotations

from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_INT64, _UINT64, _STRING, _MESSAGE = 3, 4, 9, 11
# Message → (field, number, type, repeated, nested message); https://github.com/google/pprof/blob/main/proto/profile.proto
_FIELDS: dict[str, tuple[tuple[str, int, int, bool, str], ...]] = {
    "ValueType": (("type", 1, _INT64, False, ""), ("unit", 2, _INT64, False, "")),
    "Label": (
        ("key", 1, _INT64, False, ""),
        ("str", 2, _INT64, False, ""),
        ("num", 3, _INT64, False, ""),
        ("num_unit", 4, _INT64, False, ""),
    ),
    "Sample": (
        ("location_id", 1, _UINT64, True, ""),
        ("value", 2, _INT64, True, ""),
        ("label", 3, _MESSAGE, True, "Label"),
    ),
    "Line": (("function_id", 1, _UINT64, False, ""), ("line", 2, _INT64, False, "")),
    "Location": (
        ("id", 1, _UINT64, False, ""),
        ("mapping_id", 2, _UINT64, False, ""),
        ("address", 3, _UINT64, False, ""),
        ("line", 4, _MESSAGE, True, "Line"),
    ),
    "Function": (
        ("id", 1, _UINT64, False, ""),
        ("name", 2, _INT64, False, ""),
        ("system_name", 3, _INT64, False, ""),
        ("filename", 4, _INT64, False, ""),
    ),
    "Profile": (
        ("sample_type", 1, _MESSAGE, True, "ValueType"),
        ("sample", 2, _MESSAGE, True, "Sample"),
        ("location", 4, _MESSAGE, True, "Location"),
        ("function", 5, _MESSAGE, True, "Function"),
        ("string_table", 6, _STRING, True, ""),
        ("time_nanos", 9, _INT64, False, ""),
    ),
}


def _profile_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="reference.proto", package="reference", syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated, nested in fields:
            entry = message.field.add(name=field, number=number, type=kind, label=3 if repeated else 1)
            if nested:
                entry.type_name = f".reference.{nested}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("reference.Profile"))


PROFILE = _profile_class()


def parse_only(body: bytes) -> Any:
    """Return the parsed message; nothing of it is touched yet."""
    return PROFILE.FromString(body)


def values_and_keys(body: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return (values int64[n, t], a hash of each stack's addresses and block size, int64[n])."""
    profile = PROFILE.FromString(body)
    addresses = {location.id: location.address for location in profile.location}
    values, keys = [], []
    for sample in profile.sample:
        values.append(list(sample.value))
        size = sum(label.num for label in sample.label)
        keys.append(hash((tuple(addresses[i] for i in sample.location_id), size)))
    return np.array(values, np.int64), np.array(keys, np.int64)
