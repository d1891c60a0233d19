-- Undo add_base; no row may have a base.
ALTER TABLE profiles_hot DROP COLUMN base_at;
