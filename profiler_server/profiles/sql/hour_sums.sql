-- The sums of the whole hours in [start, end) that are up to date. A sum that is the same as the service's has its
-- block there. Null scope_ids means all.
SELECT s.hour_at, s.scope_id, s.profiles, s.seen, coalesce(s.block, w.block)
FROM profiles_hour_sum s
LEFT JOIN profiles_hour_sum w ON s.block IS NULL AND w.project_id = s.project_id AND w.service_id = s.service_id
    AND w.scope = 0 AND w.scope_id = 0 AND w.type_id = s.type_id AND w.hour_at = s.hour_at
WHERE s.project_id = %(project_id)s AND s.service_id = %(service_id)s AND s.scope = %(scope)s
    AND (%(scope_ids)s::bigint[] IS NULL OR s.scope_id = ANY(%(scope_ids)s::bigint[]))
    AND s.type_id = %(type_id)s AND s.hour_at >= %(start)s AND s.hour_at < %(end)s
    AND NOT EXISTS (
        SELECT FROM profiles_due_hour d
        WHERE d.project_id = s.project_id AND d.service_id = s.service_id AND d.hour_at = s.hour_at
    )
