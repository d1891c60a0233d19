"""What threads store at the same moment is committed together; an error reaches only the one that it is about."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from profiler_server.storage import combining
from profiler_server.storage.combining import Combiner

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 20


class Doubling:
    """A writer that is held up in its first group and refuses negative numbers."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.is_writing, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.groups.append(list(items))
        if len(self.groups) == 1:
            self.is_writing.set()
            assert self.may_go_on.wait(PATIENCE_SECONDS)
        if min(items) < 0:
            raise IntegrityError("negative")
        return [2 * item for item in items]


def submit_all(write: Doubling, items: Sequence[int]) -> list[Future[int]]:
    """Submit the first item, and the others while it is being written."""
    combiner: Combiner[int, int] = Combiner(write)
    with ThreadPoolExecutor(len(items)) as pool:
        futures = [pool.submit(combiner.submit, items[0])]
        assert write.is_writing.wait(PATIENCE_SECONDS)
        futures += [pool.submit(combiner.submit, item) for item in items[1:]]
        while len(combiner._queue) < len(items) - 1:
            threading.Event().wait(0.01)
        write.may_go_on.set()
    return futures


def test_what_comes_during_a_write_is_the_next_group() -> None:
    write = Doubling()
    futures = submit_all(write, [1, 2, 3, 4])
    assert [one.result() for one in futures] == [2, 4, 6, 8]
    assert [len(group) for group in write.groups] == [1, 3]


def test_one_bad_item_does_not_cost_the_others() -> None:
    write = Doubling()
    futures = submit_all(write, [1, 2, -3, 4])
    assert [one.result() for one in (futures[0], futures[1], futures[3])] == [2, 4, 8]
    with pytest.raises(IntegrityError):
        futures[2].result()


def test_the_next_one_leads_after_an_error() -> None:
    write = Doubling()
    futures = submit_all(write, [-1, 2])
    with pytest.raises(IntegrityError):
        futures[0].result()
    assert futures[1].result() == 4


def test_a_leader_waits_for_as_many_as_came_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combining, "GAP_SECONDS", float(PATIENCE_SECONDS))
    monkeypatch.setattr(combining, "MAX_GATHER_SECONDS", float(PATIENCE_SECONDS))
    write = Doubling()
    write.may_go_on.set()
    combiner: Combiner[int, int] = Combiner(write)
    combiner._expected = 3
    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(combiner.submit, [1, 2, 3])) == [2, 4, 6]
    assert [len(group) for group in write.groups] == [3]


def test_a_leader_does_not_wait_for_those_who_do_not_come() -> None:
    write = Doubling()
    write.may_go_on.set()
    combiner: Combiner[int, int] = Combiner(write)
    combiner._expected = 3
    assert [combiner.submit(item) for item in (1, 2)] == [2, 4]
    assert combiner._expected == 1
    assert not combiner._is_gathered.acquire(blocking=False)  # whoever waits next has to be told


def test_within_a_transaction_the_item_is_written_there() -> None:
    seen: list[bool] = []

    def write(items: Sequence[int]) -> Sequence[int]:
        seen.append(connection.in_atomic_block)
        return items

    with transaction.atomic():
        assert Combiner(write).submit(5) == 5
    assert seen == [True]
