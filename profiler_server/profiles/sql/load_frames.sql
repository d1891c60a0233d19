-- The frames from an id on, in order.
SELECT function, file, line FROM profiles_frame
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND frame_id >= %(first)s
ORDER BY frame_id
