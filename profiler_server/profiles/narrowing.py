"""Which instances and which sites a selection's release and labels leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profiler_server.catalog.models import Instance, Release
from profiler_server.core.profile import BoolArray
from profiler_server.profiles.dictionary import Dictionary
from profiler_server.profiles.model import ProfileSelection

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
    known = Instance.objects.filter(project_id=selection.project_id, service_id=selection.service_id)
    of_instances = {key for key in wanted if known.filter(labels__has_key=key).exists()}
    if selection.release is not None:
        known = known.filter(release=selection.release)
    if selection.instance_ids is not None:
        known = known.filter(pk__in=list(selection.instance_ids))
    for key in of_instances:
        known = known.filter(**{f"labels__{key}__in": sorted(wanted[key])})
    site_labels = {key: values for key, values in wanted.items() if key not in of_instances}
    narrowed = selection.instance_ids is not None or selection.release is not None or bool(of_instances)
    ids = sorted(known.values_list("pk", flat=True)) if narrowed else None
    release_id = None
    if selection.release and selection.instance_ids is None and not of_instances:
        of_service = Release.objects.filter(service_id=selection.service_id, version=selection.release)
        release_id = of_service.values_list("pk", flat=True).first()
    return Narrowed(ids, site_labels, release_id)


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
