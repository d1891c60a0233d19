-- What a release, instances and labels leave of a service's instances: the label keys that any instance of the service
-- has (each row of `wanted` is a key with its values), the release's id, and the instances left, by id.
WITH wanted AS (
    SELECT key, wanted_values FROM jsonb_each(%(labels)s::jsonb) AS w (key, wanted_values)
    WHERE EXISTS (
        SELECT FROM catalog_instance i
        WHERE i.project_id = %(project_id)s AND i.service_id = %(service_id)s AND i.labels ? w.key
    )
)
SELECT
    (SELECT coalesce(array_agg(key), '{}') FROM wanted),
    (SELECT id FROM catalog_release WHERE service_id = %(service_id)s AND version = %(release)s::text),
    (
        SELECT coalesce(array_agg(i.id ORDER BY i.id), '{}') FROM catalog_instance i
        WHERE i.project_id = %(project_id)s AND i.service_id = %(service_id)s
            AND (%(release)s::text IS NULL OR i.release = %(release)s::text)
            AND (%(instance_ids)s::bigint[] IS NULL OR i.id = ANY(%(instance_ids)s::bigint[]))
            AND NOT EXISTS (SELECT FROM wanted w WHERE NOT coalesce(w.wanted_values ? (i.labels ->> w.key), false))
    )
