-- The ids of those digests (uuid[]) that the service has.
SELECT digest, label_set_id FROM profiles_label_set
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND digest = ANY(%(digests)b::uuid[])
