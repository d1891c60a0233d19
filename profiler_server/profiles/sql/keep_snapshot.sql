-- Keep a snapshot beyond retention for one more reason.
INSERT INTO profiles_kept (project_id, service_id, instance_id, taken_at, duration_ns, shape_id, samples, totals,
    reasons, block)
VALUES (%(project_id)s, %(service_id)s, %(instance_id)s, %(taken_at)s, %(duration_ns)s, %(shape_id)s, %(samples)s,
    %(totals)s::bigint[], ARRAY[%(reason)s::text], %(block)b)
ON CONFLICT (project_id, service_id, instance_id, taken_at, shape_id) DO UPDATE
SET reasons = array_append(array_remove(profiles_kept.reasons, %(reason)s::text), %(reason)s::text)
