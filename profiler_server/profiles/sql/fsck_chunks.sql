-- The chunks of a service in one window.
SELECT instance_id, shape_id, profiles, catalogue, block FROM profiles_chunk
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND window_at = %(window_at)s
