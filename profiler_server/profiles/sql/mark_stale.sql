-- The last profile of a window changed: the next chunk of that instance counts its increases from it.
UPDATE profiles_chunk SET is_stale = true
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND instance_id = %(instance_id)s
    AND shape_id = %(shape_id)s AND base_at IS DISTINCT FROM %(last_at)s
    AND window_at > %(window_at)s AND window_at <= %(window_at)s::timestamptz + interval '70 minutes'
    AND window_at = (
        SELECT min(n.window_at) FROM profiles_chunk n
        WHERE n.project_id = %(project_id)s AND n.service_id = %(service_id)s AND n.instance_id = %(instance_id)s
            AND n.shape_id = %(shape_id)s AND n.window_at > %(window_at)s
            AND n.window_at <= %(window_at)s::timestamptz + interval '70 minutes'
    )
