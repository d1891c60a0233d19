-- Whether a batch of [start, end) is in no chunk.
SELECT EXISTS (
    SELECT FROM series_hot h
    WHERE h.first_at >= %(start)s AND h.first_at < %(end)s
        AND NOT EXISTS (
            SELECT FROM series_chunk c
            WHERE c.project_id = h.project_id AND c.service_id = h.service_id AND c.instance_id = h.instance_id
                AND c.hour_at = h.hour_at AND pg_visible_in_snapshot(h.stored_by, c.covers)
                AND c.hour_at > %(start)s::timestamptz - interval '2 hours' AND c.hour_at < %(end)s::timestamptz
        )
)
