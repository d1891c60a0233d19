"""What a row of the fleet says in few words, and its line."""

import numpy as np
import pytest

from dashboards.fleet_rows import gist_of
from dashboards.sparklines import path_of


@pytest.mark.parametrize(
    ("sentence", "word", "gist"),
    [
        ("Heap leak: 6.8 MiB an hour through github.com/grab/async.(*task).Run, with every request.", "Heap leak",
         "6.8 MiB an hour through async.(*task).Run, with every request."),
        ("Heap leak since release v2: 9.9 MiB an hour through main.recordAudit.", "Heap leak",
         "Since release v2: 9.9 MiB an hour through main.recordAudit."),
        ("No leak: memory is steady.", "Healthy", "Memory is steady."),
        ("Fragmentation, no leak, yet memory stands at 276 MiB.", "Fragmentation",
         "No leak, yet memory stands at 276 MiB."),
        ("Nothing has been received lately", "Silent", "Nothing has been received lately"),
        ("Native leak: through net/http.(*conn).serve and/or 40 KiB/s.", "Native leak",
         "Through http.(*conn).serve and/or 40 KiB/s."),
        ("", "Learning", ""),
    ],
)  # fmt: skip
def test_the_badge_is_not_said_twice_and_paths_are_left_out(sentence: str, word: str, gist: str) -> None:
    assert gist_of(sentence, word) == gist


def test_a_moment_on_its_own_can_be_seen() -> None:
    assert path_of(np.asarray([0.5])) == "M0.0 18.0h4"
    lonely = path_of(np.asarray([0.5, np.nan, 0.5, 0.5, np.nan, 0.5]))
    assert lonely == "M0.0 18.0h4M80.0 18.0L120.0 18.0M200.0 18.0h-4"
