-- The label sets from an id on, in order.
SELECT labels FROM profiles_label_set
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND label_set_id >= %(first)s
ORDER BY label_set_id
