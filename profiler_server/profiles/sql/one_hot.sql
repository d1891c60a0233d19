-- One profile by its id, where it is kept whole: hot, or kept beyond retention.
SELECT instance_id, shape_id, taken_at, duration_ns, block, base_at FROM profiles_hot
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND instance_id = %(instance_id)s
    AND taken_at = %(taken_at)s AND shape_id = %(shape_id)s
UNION ALL
SELECT instance_id, shape_id, taken_at, duration_ns, block, NULL FROM profiles_kept
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND instance_id = %(instance_id)s
    AND taken_at = %(taken_at)s AND shape_id = %(shape_id)s
LIMIT 1
