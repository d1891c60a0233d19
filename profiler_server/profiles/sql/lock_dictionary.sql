-- Lock the service's dictionary until the transaction ends and return its next free ids.
SELECT next_site, next_frame, next_label_set, next_type, next_shape
FROM profiles_dictionary
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
FOR UPDATE
