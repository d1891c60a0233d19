-- Undo create_tables.
DROP TABLE series_hourly, series_five_minutes, series_chunk, series_column_set, series_hot;
