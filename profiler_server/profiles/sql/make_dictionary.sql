-- Make the service's dictionary if it is not there.
INSERT INTO profiles_dictionary (project_id, service_id) VALUES (%(project_id)s, %(service_id)s)
ON CONFLICT DO NOTHING
