-- The ids of those digests (uuid[]) that the service has.
SELECT digest, frame_id FROM profiles_frame
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND digest = ANY(%(digests)b::uuid[])
