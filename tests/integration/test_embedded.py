"""The embedded servers serve, and keep their data."""

import pytest
from django.db import connection

from profiler_server.accounts.actions.create_token import create_token
from profiler_server.accounts.models import Project
from profiler_server.accounts.queries import grant_of


@pytest.mark.django_db
def test_postgres_is_real() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()")
        assert cursor.fetchone()[0].startswith("PostgreSQL 18")


@pytest.mark.django_db
def test_a_token_grants_its_project_and_is_stored_hashed() -> None:
    project = Project.objects.create(name="Shop", slug="shop")
    token, secret = create_token(project, "agents")
    grant = grant_of(secret)
    assert grant is not None
    assert grant.project_id == project.pk
    assert secret not in str(token.__dict__)
    assert grant_of(secret + "x") is None
