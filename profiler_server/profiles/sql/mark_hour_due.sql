-- Note that an hour's sums must be written again.
INSERT INTO profiles_due_hour (project_id, service_id, hour_at)
VALUES (%(project_id)s, %(service_id)s, %(hour_at)s)
ON CONFLICT DO NOTHING
