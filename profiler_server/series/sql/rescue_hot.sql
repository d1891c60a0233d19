-- Carry batches that no chunk holds over from a partition that is about to be dropped.
INSERT INTO series_hot
SELECT h.* FROM {gone} h
WHERE NOT EXISTS (
    SELECT FROM series_chunk c
    WHERE c.project_id = h.project_id AND c.service_id = h.service_id AND c.instance_id = h.instance_id
        AND c.hour_at = h.hour_at AND pg_visible_in_snapshot(h.stored_by, c.covers)
)
ON CONFLICT DO NOTHING
