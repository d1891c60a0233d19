-- The last chunk of each instance and shape that begins before the end and reaches into [start, end).
SELECT DISTINCT ON (instance_id, shape_id) instance_id, shape_id, catalogue, block FROM profiles_chunk
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
    AND window_at > %(start)s::timestamptz - interval '10 minutes' AND window_at < %(end)s
    AND last_at >= %(start)s AND first_at < %(end)s
    AND (%(instance_ids)s::bigint[] IS NULL OR instance_id = ANY(%(instance_ids)s::bigint[]))
    AND (%(shape_ids)s::smallint[] IS NULL OR shape_id = ANY(%(shape_ids)s::smallint[]))
ORDER BY instance_id, shape_id, window_at DESC
