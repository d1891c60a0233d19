"""Logging in, preferences, and the pages of errors."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.integration.dashboards.shop import Shop


def test_a_person_logs_in_goes_where_they_wanted_and_logs_out(shop: Shop) -> None:
    client = Client()
    page = client.post(
        "/login/", {"username": "ada", "password": "wrong", "next": "/settings/"}
    ).content.decode()
    assert "do not match" in page
    answer = client.post("/login/", {"username": "ada", "password": "long-enough-1", "next": "/settings/"})
    assert answer["Location"] == "/settings/"
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/settings/").status_code == 302


def test_a_login_leads_to_no_other_server(shop: Shop) -> None:
    fields = {"username": "ada", "password": "long-enough-1", "next": "https://evil.example/"}
    assert Client().post("/login/", fields)["Location"] == "/"
    assert Client().post("/preferences/", {"theme": "dark", "next": "//evil.example/"})["Location"] == "/"


def test_a_user_of_no_project_is_told_whom_to_ask(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("lone", password="long-enough-1"))
    answer = client.get("/")
    assert answer.status_code == 403
    assert "in no project yet" in answer.content.decode()


@pytest.mark.parametrize(("name", "value"), [("theme", "dark"), ("theme", "light"), ("zone", "utc")])
def test_preferences_are_kept(shop: Shop, name: str, value: str) -> None:
    shop.viewer.post("/preferences/", {name: value, "next": "/"})
    assert shop.viewer.cookies[name].value == value
    page = shop.viewer.get("/settings/").content.decode()
    assert f'data-theme="{value}"' in page if name == "theme" else 'data-zone="UTC"' in page


def test_nonsense_is_no_preference(shop: Shop) -> None:
    shop.viewer.post("/preferences/", {"theme": '"><script>', "zone": "mars", "next": "/"})
    assert "theme" not in shop.viewer.cookies
    assert shop.viewer.get("/preferences/").status_code == 405


def test_forms_need_their_token(shop: Shop) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(shop.admin_user)
    answer = client.post("/settings/", {"action": "create_project", "name": "x"})
    assert answer.status_code == 403
    assert "The form was too old" in answer.content.decode()


def test_errors_are_pages_with_a_sentence(shop: Shop) -> None:
    answer = shop.viewer.get("/services/nothing/")
    assert answer.status_code == 404
    assert "No service called" in answer.content.decode()
    assert "There is nothing here" in shop.viewer.get("/nowhere/at/all").content.decode()
