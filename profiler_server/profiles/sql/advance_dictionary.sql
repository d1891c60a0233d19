-- Move the next free ids on, the dictionary being locked.
UPDATE profiles_dictionary
SET next_site = next_site + %(sites)s, next_frame = next_frame + %(frames)s,
    next_label_set = next_label_set + %(label_sets)s, next_type = next_type + %(types)s,
    next_shape = next_shape + %(shapes)s
WHERE project_id = %(project_id)s AND service_id = %(service_id)s
