-- Rows whose service or instance is gone, and rows whose shape is missing, by table.
WITH blocks AS (
    SELECT 'profiles_hot' AS source, project_id, service_id, instance_id, shape_id FROM profiles_hot
    UNION ALL SELECT 'profiles_chunk', project_id, service_id, instance_id, shape_id FROM profiles_chunk
    UNION ALL SELECT 'profiles_kept', project_id, service_id, instance_id, shape_id FROM profiles_kept
)
SELECT b.source, b.project_id, b.service_id,
    count(*) FILTER (WHERE i.id IS NULL), count(*) FILTER (WHERE s.shape_id IS NULL)
FROM blocks b
LEFT JOIN catalog_instance i ON i.id = b.instance_id AND i.service_id = b.service_id AND i.project_id = b.project_id
LEFT JOIN profiles_shape s ON s.project_id = b.project_id AND s.service_id = b.service_id AND s.shape_id = b.shape_id
WHERE i.id IS NULL OR s.shape_id IS NULL
GROUP BY b.source, b.project_id, b.service_id
ORDER BY 1, 2, 3
