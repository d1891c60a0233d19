-- Blocks of single snapshots of a service: hot ones and kept ones.
SELECT 'profiles_hot', instance_id, taken_at, shape_id, samples, totals, block, base_at FROM profiles_hot
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
UNION ALL
SELECT 'profiles_kept', instance_id, taken_at, shape_id, samples, totals, block, NULL FROM profiles_kept
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
