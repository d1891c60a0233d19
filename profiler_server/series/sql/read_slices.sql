-- The wanted columns of the rows of {table} (chunks, or their five-minute buckets) that touch [start, end): the slice of
-- the times and the column's.
-- Null instance_ids means all.
SELECT c.instance_id, w.name, c.hour_at, c.{count}, substring(c.data FROM 1 FOR c.ends[1]),
    substring(c.data FROM c.ends[w.place] + 1 FOR c.ends[w.place + 1] - c.ends[w.place])
FROM {table} c
JOIN (
    SELECT s.set_id, name, array_position(s.names, name) AS place
    FROM series_column_set s CROSS JOIN unnest(%(names)s::text[]) AS name
    WHERE s.project_id = %(project_id)s AND s.service_id = %(service_id)s AND name = ANY(s.names)
) w USING (set_id)
WHERE c.project_id = %(project_id)s AND c.service_id = %(service_id)s
    AND c.hour_at > %(start)s::timestamptz - interval '1 hour' AND c.hour_at < %(end)s
    AND (%(instance_ids)s::bigint[] IS NULL OR c.instance_id = ANY(%(instance_ids)s::bigint[]))
ORDER BY c.instance_id, w.name, c.hour_at
LIMIT %(most)s
