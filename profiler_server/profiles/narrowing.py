"""Which instances and which sites a selection's release and labels leave."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profiler_server.core.profile import BoolArray
from profiler_server.profiles.dictionary import Dictionary
from profiler_server.profiles.model import ProfileSelection
from profiler_server.profiles.statements import SQL

Wanted = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Narrowed:
    """`instance_ids` None = all; `site_labels` are wanted values of sample labels, to be applied to sites.

    `release_id` is set when the instances are exactly those of a release.
    """

    instance_ids: list[int] | None
    site_labels: Wanted
    release_id: int | None = None


def narrow(selection: ProfileSelection) -> Narrowed:
    """Resolve a selection's release and labels against the service's instances.

    A label key that any instance of the service has selects instances; every other key selects samples.
    """
    wanted = {key: _texts(values) for key, values in (selection.labels or {}).items()}
    if selection.instance_ids is None and selection.release is None and not wanted:
        return Narrowed(None, {})
    ((of_instances, release_id, ids),) = SQL.fetch("narrow", selection.service.parameters | {
        "labels": json.dumps({key: sorted(values) for key, values in wanted.items()}),
        "release": selection.release,
        "instance_ids": None if selection.instance_ids is None else list(selection.instance_ids),
    })  # fmt: skip
    site_labels = {key: values for key, values in wanted.items() if key not in of_instances}
    narrowed = selection.instance_ids is not None or selection.release is not None or bool(of_instances)
    is_release = bool(selection.release) and selection.instance_ids is None and not of_instances
    return Narrowed(ids if narrowed else None, site_labels, release_id if is_release else None)


def sites_with(dictionary: Dictionary, wanted: Wanted) -> BoolArray | None:
    """Return bool[n_sites], the sites whose labels match, or None when every site does."""
    if not wanted:
        return None
    good = np.array(
        [
            all(any(k == key and str(v) in values for k, v in labels) for key, values in wanted.items())
            for labels in dictionary.labels
        ],
        np.bool_,
    )
    return good[dictionary.label_of_site]


def _texts(values: str | Sequence[str]) -> frozenset[str]:
    return frozenset([values] if isinstance(values, str) else map(str, values))
