-- The windows in which a service has chunks.
SELECT DISTINCT window_at FROM profiles_chunk
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
ORDER BY window_at
