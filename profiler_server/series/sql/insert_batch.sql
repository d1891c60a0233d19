-- Keep one batch of points as it arrived; nothing happens when the same batch is there already.
INSERT INTO series_hot (project_id, service_id, instance_id, first_at, hour_at, digest, set_id, points,
    block)
VALUES (%(project_id)s, %(service_id)s, %(instance_id)s, %(first_at)s, %(hour_at)s, %(digest)s,
    %(set_id)s, %(points)s, %(block)b)
ON CONFLICT DO NOTHING
