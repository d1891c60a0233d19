-- The chunks of the windows in [start, end).
SELECT instance_id, shape_id, window_at, catalogue, block, is_stale FROM profiles_chunk
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
    AND window_at >= %(start)s AND window_at < %(end)s
ORDER BY instance_id, shape_id, window_at
