-- Add a column set under the next id; the service's sets are locked.
INSERT INTO series_column_set (project_id, service_id, set_id, names)
VALUES (%(project_id)s, %(service_id)s, %(set_id)s, %(names)s::text[])
