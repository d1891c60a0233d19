-- Hours with batches that no chunk holds, ended before `ended_before` or waiting since `waiting_since`.
-- An hour that ended but still receives batches is left until none came since `quiet_since`.
SELECT h.project_id, h.service_id, h.hour_at
FROM series_hot h
WHERE NOT EXISTS (
    SELECT FROM series_chunk c
    WHERE c.project_id = h.project_id AND c.service_id = h.service_id AND c.instance_id = h.instance_id
        AND c.hour_at = h.hour_at AND pg_visible_in_snapshot(h.stored_by, c.covers)
        AND c.hour_at >= (SELECT min(hour_at) FROM series_hot)
)
GROUP BY h.project_id, h.service_id, h.hour_at
HAVING min(h.stored_at) <= %(waiting_since)s
    OR (h.hour_at + interval '1 hour' <= %(ended_before)s AND max(h.stored_at) <= %(quiet_since)s)
ORDER BY h.project_id, h.service_id, h.hour_at
LIMIT %(most)s
