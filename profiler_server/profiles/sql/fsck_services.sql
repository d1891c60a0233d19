-- The services that have a dictionary, and so perhaps blocks.
SELECT project_id, service_id FROM profiles_dictionary ORDER BY 1, 2
