-- Write the sum of one sample type over an hour, in the place of what was there.
INSERT INTO profiles_hour_sum (project_id, service_id, scope, scope_id, type_id, hour_at, profiles, seen, block)
VALUES (%(project_id)s, %(service_id)s, %(scope)s, %(scope_id)s, %(type_id)s, %(hour_at)s,
    %(profiles)s, %(seen)s::smallint[], %(block)b)
ON CONFLICT (project_id, service_id, scope, scope_id, type_id, hour_at) DO UPDATE
SET profiles = excluded.profiles, seen = excluded.seen, block = excluded.block
