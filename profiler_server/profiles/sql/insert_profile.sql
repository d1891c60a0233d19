-- Keep one profile as it arrived; nothing happens when it is there already, or when its base is not (any more).
INSERT INTO profiles_hot (project_id, service_id, instance_id, taken_at, shape_id, duration_ns, samples, totals,
    base_at, block)
SELECT %(project_id)s::bigint, %(service_id)s::bigint, %(instance_id)s::bigint, %(taken_at)s::timestamptz,
    %(shape_id)s::smallint, %(duration_ns)s::bigint, %(samples)s::integer, %(totals)s::bigint[],
    %(base_at)s::timestamptz, %(block)b::bytea
WHERE %(base_at)s::timestamptz IS NULL OR EXISTS (
    SELECT FROM profiles_hot b
    WHERE b.project_id = %(project_id)s AND b.service_id = %(service_id)s AND b.instance_id = %(instance_id)s
        AND b.taken_at = %(base_at)s AND b.shape_id = %(shape_id)s AND b.base_at IS NULL
)
ON CONFLICT DO NOTHING
