-- Batches that may hold points of [start, end): one lies within one hour. Null instance_ids means all.
-- Batches that a chunk holds are left out, since the chunk is read.
SELECT h.instance_id, h.set_id, h.points, h.block
FROM series_hot h
WHERE h.project_id = %(project_id)s AND h.service_id = %(service_id)s
    AND h.first_at > %(start)s::timestamptz - interval '1 hour' AND h.first_at < %(end)s::timestamptz
    AND (%(instance_ids)s::bigint[] IS NULL OR h.instance_id = ANY(%(instance_ids)s::bigint[]))
    AND NOT EXISTS (
        SELECT FROM series_chunk c
        WHERE c.project_id = h.project_id AND c.service_id = h.service_id AND c.instance_id = h.instance_id
            AND c.hour_at = h.hour_at AND pg_visible_in_snapshot(h.stored_by, c.covers)
            AND c.hour_at > %(start)s::timestamptz - interval '2 hours' AND c.hour_at < %(end)s::timestamptz
    )
ORDER BY h.instance_id, h.first_at, h.digest
LIMIT %(most)s
