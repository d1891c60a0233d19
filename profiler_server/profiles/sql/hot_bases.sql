-- The blocks of single hot profiles: what others are kept as differences from.
SELECT h.instance_id, h.shape_id, h.taken_at, h.block
FROM profiles_hot h
JOIN unnest(%(instance_ids)s::bigint[], %(shape_ids)s::smallint[], %(moments)s::timestamptz[])
    AS w (instance_id, shape_id, taken_at) USING (instance_id, shape_id, taken_at)
WHERE h.project_id = %(project_id)s AND h.service_id = %(service_id)s AND h.base_at IS NULL
    AND h.taken_at = ANY(%(moments)s::timestamptz[])
