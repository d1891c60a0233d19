"""The laws of the waterfall: layers are never negative and sum to the resident memory."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from profiler_server.core.points import CANONICAL_COLUMNS
from profiler_server.core.waterfall import memory_waterfall

SIZES = st.one_of(st.just(math.nan), st.integers(0, 2**44).map(float))
BYTES = [name for name in CANONICAL_COLUMNS if name.endswith("_bytes")]


@given(st.dictionaries(st.sampled_from(BYTES), st.lists(SIZES, min_size=3, max_size=3).map(np.array)))
def test_layers_are_not_negative_and_sum_to_rss(columns: dict[str, np.ndarray]) -> None:
    found = memory_waterfall(columns)
    sizes = np.stack([layer.size_bytes for layer in found.layers])
    known = ~np.isnan(found.rss_bytes)
    assert (sizes[:, known] >= 0).all()
    assert (sizes[:, known].sum(axis=0) == found.rss_bytes[known]).all()
    assert np.isnan(sizes[:, ~known]).all()
    assert len({layer.name for layer in found.layers}) == len(found.layers)
