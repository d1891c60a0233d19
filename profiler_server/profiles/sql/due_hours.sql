-- Hours that ended before `ended_before` and have a window sum that the hour's sums do not hold.
SELECT project_id, service_id, hour_at FROM profiles_due_hour
WHERE hour_at + interval '1 hour' <= %(ended_before)s
ORDER BY project_id, service_id, hour_at
LIMIT %(most)s
