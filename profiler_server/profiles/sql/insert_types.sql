-- Add sample types under their new dense ids; the dictionary is locked.
INSERT INTO profiles_type (project_id, service_id, type_id, name, unit)
SELECT %(project_id)s, %(service_id)s, new.type_id, new.name, new.unit
FROM unnest(%(type_ids)b::int2[], %(names)b::text[], %(units)b::text[]) AS new(type_id, name, unit)
