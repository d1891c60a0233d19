-- Add a shape under its new dense id; the dictionary is locked.
INSERT INTO profiles_shape (project_id, service_id, shape_id, type_ids, period_name, period_unit, period,
    default_type, is_delta)
VALUES (%(project_id)s, %(service_id)s, %(shape_id)s, %(type_ids)s::int2[], %(period_name)s, %(period_unit)s,
    %(period)s, %(default_type)s, %(is_delta)s)
