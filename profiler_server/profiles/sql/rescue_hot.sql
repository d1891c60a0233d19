-- Carry hot profiles that no chunk holds, and what they are kept as differences from, over from a partition that is
-- about to be dropped.
WITH pending AS MATERIALIZED (
    SELECT h.project_id, h.service_id, h.instance_id, h.shape_id, h.taken_at, h.base_at FROM {gone} h
    WHERE NOT EXISTS (
        SELECT FROM profiles_chunk c
        WHERE c.project_id = h.project_id AND c.service_id = h.service_id AND c.instance_id = h.instance_id
            AND c.shape_id = h.shape_id AND c.window_at = date_bin('10 minutes', h.taken_at, 'epoch')
            AND pg_visible_in_snapshot(h.stored_by, c.covers)
    )
)
INSERT INTO profiles_hot
SELECT h.* FROM {gone} h
WHERE EXISTS (
    SELECT FROM pending p
    WHERE p.project_id = h.project_id AND p.service_id = h.service_id AND p.instance_id = h.instance_id
        AND p.shape_id = h.shape_id AND h.taken_at IN (p.taken_at, p.base_at)
)
ON CONFLICT DO NOTHING
