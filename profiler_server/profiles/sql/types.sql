-- All sample types of a service.
SELECT name, unit, type_id FROM profiles_type WHERE project_id = %(project_id)s AND service_id = %(service_id)s
