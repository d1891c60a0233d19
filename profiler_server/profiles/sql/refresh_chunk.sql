-- The increases of a window were counted again from another base; its profiles are the same.
UPDATE profiles_chunk SET base_at = %(base_at)s, is_stale = false
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND instance_id = %(instance_id)s
    AND window_at = %(window_at)s AND shape_id = %(shape_id)s
