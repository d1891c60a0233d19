-- All column sets of a service.
SELECT set_id, names FROM series_column_set
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
ORDER BY set_id
