"""The embedded servers' files."""

import stat
from pathlib import Path

from profiler_server.config import embedded


def test_the_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    first = embedded.secret_key(tmp_path)
    assert len(first) >= 50
    assert embedded.secret_key(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_redis_keeps_what_it_accepted_across_a_restart(tmp_path: Path) -> None:
    import redis

    address = embedded.redis_url(tmp_path).replace("redis+socket://", "unix://").split("?")[0]
    for expected in (None, b"kept"):
        process = embedded.start_redis(tmp_path)
        try:
            client = redis.Redis.from_url(address)
            assert client.get("mark") == expected
            client.set("mark", "kept")
            client.close()
        finally:
            process.terminate()
            process.wait(10)
