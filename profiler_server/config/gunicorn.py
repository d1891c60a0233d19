"""Gunicorn's settings: threads, because a request spends most of its time in C code or in PostgreSQL."""

import gc

from profiler_server.config.env import Env

_env = Env.read()

bind = _env.bind
workers = _env.web_workers
threads = _env.web_threads
worker_class = "gthread"
worker_tmp_dir = "/dev/shm"  # noqa: S108  the heartbeat must not wait for a disk
timeout = 60
graceful_timeout = 20
keepalive = 75
max_requests = 0
forwarded_allow_ips = "127.0.0.1"


def post_worker_init(worker: object) -> None:
    """Have the garbage collector pass over what is loaded for good, which is most of a worker's objects."""
    gc.collect()
    gc.freeze()
