-- Keep one profile as it arrived; nothing happens when it is there already.
INSERT INTO profiles_hot (project_id, service_id, instance_id, taken_at, shape_id, duration_ns, samples, totals, block)
VALUES (%(project_id)s, %(service_id)s, %(instance_id)s, %(taken_at)s, %(shape_id)s, %(duration_ns)s, %(samples)s,
    %(totals)s::bigint[], %(block)b)
ON CONFLICT DO NOTHING
