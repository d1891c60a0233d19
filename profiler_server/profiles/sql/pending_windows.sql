-- The windows of [start, end) with hot profiles that no chunk holds.
SELECT DISTINCT date_bin('10 minutes', h.taken_at, 'epoch')
FROM profiles_hot h
WHERE h.project_id = %(project_id)s AND h.service_id = %(service_id)s
    AND h.taken_at >= %(start)s AND h.taken_at < %(end)s
    AND NOT EXISTS (
        SELECT FROM profiles_chunk c
        WHERE c.project_id = h.project_id AND c.service_id = h.service_id AND c.instance_id = h.instance_id
            AND c.shape_id = h.shape_id AND c.window_at = date_bin('10 minutes', h.taken_at, 'epoch')
            AND c.window_at > %(start)s::timestamptz - interval '10 minutes' AND c.window_at < %(end)s::timestamptz
            AND pg_visible_in_snapshot(h.stored_by, c.covers)
    )
