-- The tables of contents of the chunks that touch [start, end), newest first.
SELECT instance_id, shape_id, catalogue FROM profiles_chunk
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
    AND window_at > %(start)s::timestamptz - interval '10 minutes' AND window_at < %(end)s::timestamptz
    AND last_at >= %(start)s AND first_at < %(end)s
    AND (%(instance_ids)s::bigint[] IS NULL OR instance_id = ANY(%(instance_ids)s::bigint[]))
    AND shape_id = ANY(%(shape_ids)s::smallint[])
ORDER BY window_at DESC
LIMIT %(most)s
