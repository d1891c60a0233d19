-- Windows that ended before `ended_before` and have profiles that no chunk holds, or a stale chunk.
-- A window that still receives profiles is left until none came since `quiet_since`, but not beyond `patience_until`.
WITH pending AS (
    SELECT h.project_id, h.service_id, date_bin('10 minutes', h.taken_at, 'epoch') AS window_at, h.stored_at
    FROM profiles_hot h
    WHERE h.taken_at < %(ended_before)s
        AND NOT EXISTS (
            SELECT FROM profiles_chunk c
            WHERE c.project_id = h.project_id AND c.service_id = h.service_id AND c.instance_id = h.instance_id
                AND c.shape_id = h.shape_id AND c.window_at = date_bin('10 minutes', h.taken_at, 'epoch')
                AND pg_visible_in_snapshot(h.stored_by, c.covers)
                AND c.window_at > (SELECT min(taken_at) FROM profiles_hot) - interval '10 minutes'
        )
)
SELECT project_id, service_id, window_at FROM pending
WHERE window_at + interval '10 minutes' <= %(ended_before)s
GROUP BY project_id, service_id, window_at
HAVING max(stored_at) <= %(quiet_since)s OR min(stored_at) <= %(patience_until)s
UNION
SELECT project_id, service_id, window_at FROM profiles_chunk WHERE is_stale
ORDER BY project_id, service_id, window_at
LIMIT %(most)s
