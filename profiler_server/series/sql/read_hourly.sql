-- The wanted columns of the hourly buckets in [start, end). Null instance_ids means all.
SELECT c.instance_id, w.name, array_agg(extract(epoch FROM c.hour_at)::float8 ORDER BY c.hour_at),
    array_agg(c.means[w.place] ORDER BY c.hour_at), array_agg(c.lows[w.place] ORDER BY c.hour_at),
    array_agg(c.highs[w.place] ORDER BY c.hour_at)
FROM series_hourly c
JOIN (
    SELECT s.set_id, name, array_position(s.names, name) AS place
    FROM series_column_set s CROSS JOIN unnest(%(names)s::text[]) AS name
    WHERE s.project_id = %(project_id)s AND s.service_id = %(service_id)s AND name = ANY(s.names)
) w USING (set_id)
WHERE c.project_id = %(project_id)s AND c.service_id = %(service_id)s
    AND c.hour_at > %(start)s::timestamptz - interval '1 hour' AND c.hour_at < %(end)s
    AND (%(instance_ids)s::bigint[] IS NULL OR c.instance_id = ANY(%(instance_ids)s::bigint[]))
GROUP BY c.instance_id, w.name
LIMIT %(most)s
