-- The windows of [start, end) whose increases are counted from a profile that is no longer the last before them.
SELECT DISTINCT window_at FROM profiles_chunk
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
    AND window_at >= %(start)s AND window_at < %(end)s AND is_stale
ORDER BY window_at
