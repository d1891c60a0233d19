-- Undo create_tables.
DROP TABLE profiles_kept, profiles_due_hour, profiles_hour_sum, profiles_window_sum, profiles_chunk, profiles_hot, profiles_shape,
    profiles_type, profiles_site, profiles_label_set, profiles_frame, profiles_dictionary;
