-- The sites from an id on, in order.
SELECT label_set_id, frames FROM profiles_site
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND site_id >= %(first)s
ORDER BY site_id
