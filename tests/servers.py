"""Servers of their own for the tests: an embedded PostgreSQL and Redis in a new folder, unless both are named.

Loaded as a plugin (`-p tests.servers`), because pytest-django reads the settings before any conftest.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if not os.environ.get("DATABASE_URL") or not os.environ.get("REDIS_URL"):
    _data_dir = tempfile.mkdtemp(prefix="plimsoll-tests-")
    os.environ["PLIMSOLL_DATA_DIR"] = _data_dir
    (Path(_data_dir) / "staticfiles").mkdir()  # the server warns where there is none
    atexit.register(
        shutil.rmtree, _data_dir, ignore_errors=True
    )  # runs after PostgreSQL's own handler stops it
