-- How many shapes the service has: their ids are dense.
SELECT next_shape::integer FROM profiles_dictionary WHERE project_id = %(project_id)s AND service_id = %(service_id)s
