-- What the stored profiles of [start, end) are, in four numbers: any row that comes, goes or is written again changes them.
SELECT c.chunks, c.version, h.profiles, h.version
FROM (
    SELECT count(*) AS chunks, bit_xor(hash_record_extended((instance_id, window_at, shape_id, xmin::text), 0)) AS version
    FROM profiles_chunk
    WHERE project_id = %(project_id)s AND service_id = %(service_id)s
        AND window_at > %(start)s::timestamptz - interval '10 minutes' AND window_at < %(end)s
) c, (
    SELECT count(*) AS profiles,
        bit_xor(hash_record_extended((instance_id, taken_at, shape_id, stored_by::text), 0)) AS version
    FROM profiles_hot
    WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND taken_at >= %(start)s AND taken_at < %(end)s
) h
