-- Write the five-minute buckets of an hour in the place of what was there.
INSERT INTO series_five_minutes (project_id, service_id, instance_id, hour_at, set_id, buckets, ends, data)
VALUES (%(project_id)s, %(service_id)s, %(instance_id)s, %(hour_at)s, %(set_id)s, %(buckets)s, %(ends)s::integer[],
    %(data)b)
ON CONFLICT (project_id, service_id, instance_id, hour_at) DO UPDATE
SET set_id = excluded.set_id, buckets = excluded.buckets, ends = excluded.ends, data = excluded.data
