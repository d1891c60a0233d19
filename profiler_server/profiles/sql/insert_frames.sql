-- Add frames under their new dense ids; the dictionary is locked.
INSERT INTO profiles_frame (project_id, service_id, frame_id, line, digest, function, file)
SELECT %(project_id)s, %(service_id)s, new.frame_id, new.line, new.digest, new.function, new.file
FROM unnest(%(frame_ids)b::int4[], %(lines)b::int4[], %(digests)b::uuid[], %(functions)b::text[], %(files)b::text[])
    AS new(frame_id, line, digest, function, file)
