-- The chunks of the hours in [start, end).
SELECT c.project_id, c.service_id, c.instance_id, c.hour_at, s.names, c.points, c.ends, c.data
FROM series_chunk c LEFT JOIN series_column_set s USING (project_id, service_id, set_id)
WHERE c.hour_at >= %(start)s AND c.hour_at < %(end)s
