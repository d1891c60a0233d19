"""The login of the seeded server, for processes that do not load Django."""

USERNAME, PASSWORD = "mara", "load-line-1876"
