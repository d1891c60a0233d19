-- Write an hour of one instance in the place of what was there.
INSERT INTO series_chunk (project_id, service_id, instance_id, hour_at, set_id, points, covers, ends, data)
VALUES (%(project_id)s, %(service_id)s, %(instance_id)s, %(hour_at)s, %(set_id)s, %(points)s, %(covers)s::pg_snapshot,
    %(ends)s::integer[], %(data)b)
ON CONFLICT (project_id, service_id, instance_id, hour_at) DO UPDATE
SET written_at = now(), set_id = excluded.set_id, points = excluded.points, covers = excluded.covers,
    ends = excluded.ends, data = excluded.data
