-- Carry hot profiles that no chunk holds over from a partition that is about to be dropped.
INSERT INTO profiles_hot
SELECT h.* FROM {gone} h
WHERE NOT EXISTS (
    SELECT FROM profiles_chunk c
    WHERE c.project_id = h.project_id AND c.service_id = h.service_id AND c.instance_id = h.instance_id
        AND c.shape_id = h.shape_id AND c.window_at = date_bin('10 minutes', h.taken_at, 'epoch')
        AND pg_visible_in_snapshot(h.stored_by, c.covers)
)
ON CONFLICT DO NOTHING
