-- Whether a chunk may hold this profile already, its hot row being gone.
SELECT catalogue FROM profiles_chunk
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND instance_id = %(instance_id)s
    AND window_at = %(window_at)s AND shape_id = %(shape_id)s
