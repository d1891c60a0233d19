"""The main job shown in about three minutes: two live services, one leaking, and a recorded incident beside them."""
