"""What a reader prefers, kept in cookies: light or dark, local time or UTC."""

THEME_COOKIE = "theme"
THEMES = frozenset({"light", "dark"})
ZONES = frozenset({"utc", "local"})
COOKIE_SECONDS = 400 * 86400
