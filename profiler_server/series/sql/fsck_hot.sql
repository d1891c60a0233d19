-- All hot batches.
SELECT h.project_id, h.service_id, h.instance_id, h.first_at, s.names, h.points, h.block
FROM series_hot h LEFT JOIN series_column_set s USING (project_id, service_id, set_id)
