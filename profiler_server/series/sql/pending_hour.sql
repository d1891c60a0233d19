-- The batches of an hour that no chunk holds, with the state of the database in which they were seen.
SELECT h.instance_id, h.set_id, h.points, h.block, pg_current_snapshot()::text
FROM series_hot h
WHERE h.project_id = %(project_id)s AND h.service_id = %(service_id)s AND h.hour_at = %(hour_at)s
    AND h.first_at >= %(hour_at)s AND h.first_at < %(hour_at)s::timestamptz + interval '1 hour'
    AND NOT EXISTS (
        SELECT FROM series_chunk c
        WHERE c.project_id = h.project_id AND c.service_id = h.service_id AND c.instance_id = h.instance_id
            AND c.hour_at = h.hour_at AND pg_visible_in_snapshot(h.stored_by, c.covers)
    )
ORDER BY h.instance_id, h.first_at, h.digest
