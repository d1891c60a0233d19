-- Add label sets under their new dense ids; the dictionary is locked.
INSERT INTO profiles_label_set (project_id, service_id, label_set_id, digest, labels)
SELECT %(project_id)s, %(service_id)s, new.label_set_id, new.digest, new.labels
FROM unnest(%(label_set_ids)b::int4[], %(digests)b::uuid[], %(labels)b::text[]) AS new(label_set_id, digest, labels)
