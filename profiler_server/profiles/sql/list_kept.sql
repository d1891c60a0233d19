-- The snapshots of [start, end) that are kept beyond retention, newest first.
SELECT instance_id, taken_at, shape_id, samples, totals, reasons FROM profiles_kept
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
    AND taken_at >= %(start)s AND taken_at < %(end)s
    AND (%(instance_ids)s::bigint[] IS NULL OR instance_id = ANY(%(instance_ids)s::bigint[]))
    AND shape_id = ANY(%(shape_ids)s::smallint[])
ORDER BY taken_at DESC
LIMIT %(most)s
