"""The one reader of the environment."""

from pathlib import Path

import pytest

from profiler_server.config.env import Env, InvalidEnvironment
from profiler_server.config.reference import settings_page

ROOT = Path(__file__).resolve().parents[3]


def test_defaults_need_no_environment() -> None:
    env = Env.read({})
    assert env.bind == "127.0.0.1:8000"
    assert env.data_dir == Path(".plimsoll")
    assert env.database_url == ""


def test_every_kind_of_value_is_read() -> None:
    env = Env.read(
        {
            "PLIMSOLL_DEBUG": "yes",
            "PLIMSOLL_ALLOWED_HOSTS": "a.example, b.example",
            "PLIMSOLL_SMTP_PORT": "2525",
            "PLIMSOLL_TIME_SCALE": "60",
            "PLIMSOLL_DATA_DIR": "/var/lib/plimsoll",
        }
    )
    assert env.debug is True
    assert env.allowed_hosts == ("a.example", "b.example")
    assert env.smtp_port == 2525
    assert env.time_scale == 60.0
    assert env.data_dir == Path("/var/lib/plimsoll")


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidEnvironment) as caught:
        Env.read(
            {"PLIMSOLL_SMTP_PORT": "many", "PLIMSOLL_DEBUG": "perhaps", "SECRET_KEY_FILE": "/nowhere/at/all"}
        )
    for name in ("PLIMSOLL_SMTP_PORT", "PLIMSOLL_DEBUG", "SECRET_KEY"):
        assert name in str(caught.value)


def test_a_secret_comes_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-the-file\n")
    assert Env.read({"SECRET_KEY_FILE": str(tmp_path / "key")}).secret_key == "from-the-file"


def test_the_reference_page_is_current() -> None:
    assert (ROOT / "docs/reference/settings.md").read_text() == settings_page(), "run `make docs`"
