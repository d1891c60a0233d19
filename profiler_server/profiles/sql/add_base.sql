-- A hot profile may be kept as its differences from another of the same instance, shape and window, taken at base_at.
ALTER TABLE profiles_hot ADD COLUMN base_at timestamptz;
