-- Add sites under their new dense ids; the dictionary is locked, so that there is no conflict.
INSERT INTO profiles_site (project_id, service_id, site_id, label_set_id, digest, frames)
SELECT %(project_id)s, %(service_id)s, new.site_id, new.label_set_id, new.digest, new.frames
FROM unnest(%(site_ids)b::int4[], %(label_set_ids)b::int4[], %(digests)b::uuid[], %(frames)b::bytea[])
    AS new(site_id, label_set_id, digest, frames)
