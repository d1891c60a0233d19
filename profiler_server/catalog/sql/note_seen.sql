-- Widen the time in which an instance was heard of.
UPDATE catalog_instance
SET first_seen_at = least(first_seen_at, %(at)s), last_seen_at = greatest(last_seen_at, %(at)s)
WHERE id = %(instance_id)s
