-- The sums of the windows in [start, end). A sum that is the same as the service's has its block there.
SELECT s.window_at, s.scope_id, s.profiles, s.low, s.high, coalesce(s.block, w.block)
FROM profiles_window_sum s
LEFT JOIN profiles_window_sum w ON s.block IS NULL AND w.project_id = s.project_id AND w.service_id = s.service_id
    AND w.scope = 0 AND w.scope_id = 0 AND w.type_id = s.type_id AND w.window_at = s.window_at
WHERE s.project_id = %(project_id)s AND s.service_id = %(service_id)s AND s.scope = %(scope)s
    AND s.scope_id = ANY(%(scope_ids)s::bigint[])
    AND s.type_id = %(type_id)s AND s.window_at >= %(start)s AND s.window_at < %(end)s
