-- The chunks of an hour.
SELECT instance_id, set_id, points, ends, data FROM series_chunk
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND hour_at = %(hour_at)s
    AND instance_id = ANY(%(instance_ids)s::bigint[])
