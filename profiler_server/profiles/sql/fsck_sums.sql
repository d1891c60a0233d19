-- Blocks of sums of a service.
SELECT 'profiles_window_sum', scope, scope_id, type_id, window_at, block FROM profiles_window_sum
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND block IS NOT NULL
UNION ALL
SELECT 'profiles_hour_sum', scope, scope_id, type_id, hour_at, block FROM profiles_hour_sum
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND block IS NOT NULL
