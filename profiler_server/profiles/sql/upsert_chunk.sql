-- Write a window of one instance and shape, in the place of what was there.
INSERT INTO profiles_chunk (project_id, service_id, instance_id, window_at, first_at, last_at, base_at, shape_id,
    profiles, covers, catalogue, block)
VALUES (%(project_id)s, %(service_id)s, %(instance_id)s, %(window_at)s, %(first_at)s, %(last_at)s, %(base_at)s,
    %(shape_id)s, %(profiles)s, %(covers)s::pg_snapshot, %(catalogue)b, %(block)b)
ON CONFLICT (project_id, service_id, instance_id, window_at, shape_id) DO UPDATE
SET first_at = excluded.first_at, last_at = excluded.last_at, base_at = excluded.base_at, written_at = now(),
    profiles = excluded.profiles, is_stale = false, covers = excluded.covers, catalogue = excluded.catalogue,
    block = excluded.block
