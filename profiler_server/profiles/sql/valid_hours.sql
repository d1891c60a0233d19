-- The whole hours in [start, end) whose sums are up to date.
SELECT DISTINCT s.hour_at FROM profiles_hour_sum s
WHERE s.project_id = %(project_id)s AND s.service_id = %(service_id)s AND s.scope = 0 AND s.scope_id = 0
    AND s.hour_at >= %(start)s AND s.hour_at < %(end)s
    AND NOT EXISTS (
        SELECT FROM profiles_due_hour d
        WHERE d.project_id = s.project_id AND d.service_id = s.service_id AND d.hour_at = s.hour_at
    )
