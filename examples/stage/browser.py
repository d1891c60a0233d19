"""Logs in and opens pages as a person's browser would, to see that they answer."""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

ANSWER_SECONDS = 20.0


class Browser:
    """A session at the dashboard."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def log_in(self, username: str, password: str) -> None:
        """Fill in the login form; raise `PermissionError` when it is not accepted."""
        page = self._open("/login/")[1]
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        fields = {
            "username": username,
            "password": password,
            "csrfmiddlewaretoken": found[1] if found else "",
        }
        status, page = self._open("/login/", fields)
        if status != 200 or 'name="password"' in page:
            raise PermissionError("The dashboard did not accept the login.")

    def status_of(self, path: str) -> int:
        """Return the HTTP status of a page."""
        return self._open(path)[0]

    def _open(self, path: str, fields: dict[str, str] | None = None) -> tuple[int, str]:
        data = urllib.parse.urlencode(fields).encode() if fields else None
        request = urllib.request.Request(self.base_url + path, data=data, headers={"Referer": self.base_url})
        try:
            with self._opener.open(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")
