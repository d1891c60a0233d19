"""This room's SQL and its partitioned tables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from profiler_server.storage.partitions import PartitionedTable
from profiler_server.storage.sql import Statements

SQL = Statements(Path(__file__).resolve().parent / "sql")

HOT = PartitionedTable("series_hot", timedelta(hours=1))
CHUNK = PartitionedTable("series_chunk", timedelta(days=1))
FIVE_MINUTES = PartitionedTable("series_five_minutes", timedelta(days=30))
HOURLY = PartitionedTable("series_hourly", timedelta(days=90))
