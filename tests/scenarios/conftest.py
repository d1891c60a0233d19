"""The plays, shared by all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.plays import Company


@pytest.fixture(scope="session")
def company() -> Iterator[Company]:
    """Every incident and recording, run at most once."""
    company = Company()
    yield company
    company.close()
