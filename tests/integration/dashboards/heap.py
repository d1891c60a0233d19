"""Heap profiles that grow in one function, as an agent sends them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from profiler_server.catalog.models import Instance
from profiler_server.codecs import pprof
from profiler_server.core.profile import Frame, Profile, SampleType, StackTable
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles

TYPES = (SampleType("inuse_objects", "count"), SampleType("inuse_space", "bytes"))


def store_heap(instance: Instance, at: datetime, bytes_by_function: Mapping[str, int]) -> None:
    """Store a profile in which each function, called from `main`, holds so many bytes."""
    names = list(bytes_by_function)
    frames = (*(Frame(name, f"shop/{name}.py", 41) for name in names), Frame("main", "shop/app.py", 1))
    count = len(names)
    ids = np.arange(count, dtype=np.int32)
    offsets = np.arange(0, 2 * count + 1, 2, dtype=np.int32)
    frame_ids = np.stack([ids, np.full(count, count, np.int32)], axis=1).ravel()
    values = np.array([[1, size] for size in bytes_by_function.values()], np.int64)
    profile = Profile(
        TYPES, StackTable(frames, offsets, frame_ids), ids, values, ((),), np.zeros(count, np.int32)
    )
    store_profiles([ProfileArrival(instance, at, pprof.encode(profile))])
