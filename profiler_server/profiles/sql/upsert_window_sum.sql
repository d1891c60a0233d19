-- Write the sum of one sample type over a window, in the place of what was there.
INSERT INTO profiles_window_sum (project_id, service_id, scope, scope_id, type_id, window_at, profiles, low, high, block)
VALUES (%(project_id)s, %(service_id)s, %(scope)s, %(scope_id)s, %(type_id)s, %(window_at)s, %(profiles)s, %(low)s,
    %(high)s, %(block)b)
ON CONFLICT (project_id, service_id, scope, scope_id, type_id, window_at) DO UPDATE
SET profiles = excluded.profiles, low = excluded.low, high = excluded.high,
    block = excluded.block
