-- Widen the time in which a release was heard of.
UPDATE catalog_release
SET first_seen_at = least(first_seen_at, %(at)s), last_seen_at = greatest(last_seen_at, %(at)s)
WHERE service_id = %(service_id)s AND version = %(version)s
