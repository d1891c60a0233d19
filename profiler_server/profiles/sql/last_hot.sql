-- The last hot profile of each instance and shape in [start, end).
SELECT DISTINCT ON (instance_id, shape_id) instance_id, shape_id, taken_at, block, base_at
FROM profiles_hot
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
    AND taken_at >= %(start)s AND taken_at < %(end)s
    AND (%(instance_ids)s::bigint[] IS NULL OR instance_id = ANY(%(instance_ids)s::bigint[]))
    AND (%(shape_ids)s::smallint[] IS NULL OR shape_id = ANY(%(shape_ids)s::smallint[]))
ORDER BY instance_id, shape_id, taken_at DESC
