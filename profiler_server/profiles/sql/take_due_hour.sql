-- Take the note that an hour is due; the row comes back only to the one who took it.
DELETE FROM profiles_due_hour
WHERE project_id = %(project_id)s AND service_id = %(service_id)s AND hour_at = %(hour_at)s
RETURNING hour_at
