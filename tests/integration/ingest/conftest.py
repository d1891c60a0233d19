"""What every endpoint's test starts from: an agent of a project of its own."""

from __future__ import annotations

import pytest

from tests.integration.ingest.pushes import Agent, an_agent


@pytest.fixture
def agent(db: None, clean_caches: None) -> Agent:
    return an_agent()
