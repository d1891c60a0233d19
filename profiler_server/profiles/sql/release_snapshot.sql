-- Take back one reason for keeping a snapshot; without any reason left it is not kept any more.
WITH rest AS (
    UPDATE profiles_kept SET reasons = array_remove(reasons, %(reason)s::text)
    WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND instance_id = %(instance_id)s
        AND taken_at = %(taken_at)s AND shape_id = %(shape_id)s AND NOT reasons <@ ARRAY[%(reason)s::text]
    RETURNING 1
)
DELETE FROM profiles_kept
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND instance_id = %(instance_id)s
    AND taken_at = %(taken_at)s AND shape_id = %(shape_id)s AND reasons <@ ARRAY[%(reason)s::text]
