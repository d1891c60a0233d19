-- Write the one bucket of an hour in the place of what was there.
INSERT INTO series_hourly (project_id, service_id, instance_id, hour_at, set_id, means, lows, highs)
VALUES (%(project_id)s, %(service_id)s, %(instance_id)s, %(hour_at)s, %(set_id)s, %(means)s::float8[],
    %(lows)s::float8[], %(highs)s::float8[])
ON CONFLICT (project_id, service_id, instance_id, hour_at) DO UPDATE
SET set_id = excluded.set_id, means = excluded.means, lows = excluded.lows, highs = excluded.highs
