-- All shapes of a service with the names of their types.
SELECT s.shape_id, s.period_name, s.period_unit, s.period, s.default_type, s.is_delta, s.type_ids,
    array_agg(t.name ORDER BY place.n), array_agg(t.unit ORDER BY place.n)
FROM profiles_shape s
CROSS JOIN LATERAL unnest(s.type_ids) WITH ORDINALITY AS place(type_id, n)
JOIN profiles_type t USING (project_id, service_id, type_id)
WHERE s.project_id = %(project_id)s AND s.service_id = %(service_id)s
GROUP BY s.project_id, s.service_id, s.shape_id
