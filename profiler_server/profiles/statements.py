"""This room's SQL and its partitioned tables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from profiler_server.storage.partitions import PartitionedTable
from profiler_server.storage.sql import Statements

SQL = Statements(Path(__file__).resolve().parent / "sql")

HOT = PartitionedTable("profiles_hot", timedelta(hours=1))
CHUNK = PartitionedTable("profiles_chunk", timedelta(days=1))
WINDOW_SUM = PartitionedTable("profiles_window_sum", timedelta(days=1))
HOUR_SUM = PartitionedTable("profiles_hour_sum", timedelta(days=30))
