-- Points of instances that do not exist, by table and service.
WITH blocks AS (
    SELECT 'series_hot' AS source, project_id, service_id, instance_id FROM series_hot
    UNION ALL SELECT 'series_chunk', project_id, service_id, instance_id FROM series_chunk
    UNION ALL SELECT 'series_five_minutes', project_id, service_id, instance_id FROM series_five_minutes
    UNION ALL SELECT 'series_hourly', project_id, service_id, instance_id FROM series_hourly
)
SELECT b.source, b.project_id, b.service_id, count(*)
FROM blocks b
LEFT JOIN catalog_instance i ON i.id = b.instance_id AND i.service_id = b.service_id AND i.project_id = b.project_id
WHERE i.id IS NULL
GROUP BY b.source, b.project_id, b.service_id
ORDER BY 1, 2, 3
