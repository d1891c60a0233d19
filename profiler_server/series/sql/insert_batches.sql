-- Keep batches of points as they arrived and widen the times in which their instances were heard of, in one statement
-- and so in one commit. A batch that is there already is left alone. Instances are locked in the order of their ids.
WITH heard AS (
    SELECT i.id, s.low, s.high
    FROM catalog_instance i
    JOIN unnest(%(seen_ids)s::bigint[], %(seen_lows)s::timestamptz[], %(seen_highs)s::timestamptz[])
        AS s (instance_id, low, high) ON i.id = s.instance_id
    ORDER BY i.id
    FOR NO KEY UPDATE OF i
), widened AS (
    UPDATE catalog_instance i
    SET first_seen_at = least(i.first_seen_at, heard.low), last_seen_at = greatest(i.last_seen_at, heard.high)
    FROM heard
    WHERE i.id = heard.id
)
INSERT INTO series_hot (project_id, service_id, instance_id, first_at, hour_at, digest, set_id, points, block)
SELECT * FROM unnest(%(project_id)s::bigint[], %(service_id)s::bigint[], %(instance_id)s::bigint[],
    %(first_at)s::timestamptz[], %(hour_at)s::timestamptz[], %(digest)s::bigint[], %(set_id)s::integer[],
    %(points)s::integer[], %(block)b::bytea[])
ON CONFLICT DO NOTHING
RETURNING instance_id, first_at, digest
