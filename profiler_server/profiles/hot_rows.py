"""Rows of hot profiles: each written once, against an earlier one of its instance where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from profiler_server.catalog.models import Instance
from profiler_server.profiles.blocks import encode_hot
from profiler_server.profiles.hot_blocks import KnownBase, Stream, base_for, remember_base
from profiler_server.profiles.preparing import PreparedProfile
from profiler_server.profiles.statements import HOT, SQL
from profiler_server.storage.partitions import ensure_partitions, forget_partitions
from profiler_server.storage.sql import together


@dataclass(frozen=True, slots=True)
class HotProfile:
    """A prepared profile of an instance."""

    instance: Instance
    taken_at: datetime
    prepared: PreparedProfile

    @property
    def stream(self) -> Stream:
        """Return the instance and shape."""
        return self.instance.pk, self.prepared.stored_shape.shape_id


def write_hot(profiles: Sequence[HotProfile]) -> list[bool]:
    """Insert all in one transaction and return which were new.

    A partition that was dropped since this process last looked is made again, once.
    """
    for attempt in (1, 2):
        ensure_partitions(HOT, [one.taken_at for one in profiles])
        try:
            with together(len(profiles)):
                own: dict[Stream, KnownBase] = {}
                return [_write(one, own) for one in profiles]
        except IntegrityError:
            if attempt == 2:
                raise
            forget_partitions()
    return []


def _write(profile: HotProfile, own: dict[Stream, KnownBase]) -> bool:
    """Insert one; `own` are the bases that the open transaction has written."""
    known = own.get(profile.stream)
    if known is not None and known.serves(profile.taken_at):
        known.uses += 1
    else:
        known = base_for(profile.stream, profile.taken_at)
    if known is not None and SQL.run("insert_profile", _row(profile, known)[0], is_prepared=True):
        return True
    row, whole = _row(profile, None)  # the base is gone, or this profile is there already
    is_new = SQL.run("insert_profile", row, is_prepared=True) == 1
    if is_new:
        own[profile.stream] = whole
        transaction.on_commit(lambda: remember_base(profile.stream, whole))
    return is_new


def _row(profile: HotProfile, against: KnownBase | None) -> tuple[dict[str, object], KnownBase]:
    """Return the row, and what it is to later ones when it is kept whole."""
    instance, prepared = profile.instance, profile.prepared
    base = None if against is None else against.base
    block, whole = encode_hot(prepared.sites, prepared.origin, base)
    row: dict[str, object] = {
        "project_id": instance.project_id,
        "service_id": instance.service_id,
        "instance_id": instance.pk,
        "taken_at": profile.taken_at,
        "shape_id": prepared.stored_shape.shape_id,
        "duration_ns": prepared.duration_ns,
        "samples": len(prepared.sites),
        "totals": prepared.sites.values.sum(axis=0).tolist(),
        "base_at": None if against is None else against.taken_at,
        "block": block,
    }
    return row, KnownBase(profile.taken_at, whole)
