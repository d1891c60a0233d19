"""The lines that bring the agent into a service, per language, with the server's address and a token filled in."""

from __future__ import annotations

from dataclasses import dataclass

TOKEN_PLACE = "<token>"  # noqa: S105  what stands where a token is to be put


@dataclass(frozen=True)
class Snippet:
    """How to install in one language: a `key` for the page, its `title`, the lines, and a remark."""

    key: str
    title: str
    lines: str
    remark: str = ""


def snippets(url: str, token: str = TOKEN_PLACE) -> list[Snippet]:
    """Return the ways to send to the server at `url` (no slash at its end)."""
    return [
        Snippet(
            "python", "Python",
            "pip install ./agents/python\n"
            f"export PLIMSOLL_URL={url} PLIMSOLL_TOKEN={token} PLIMSOLL_SERVICE=my-service\n"
            "plimsoll-run python app.py",
            "No change in the code. The agent measures memory and load every 10 s and profiles the heap every 60 s.",
        ),
        Snippet(
            "python-code", "Python, in code",
            "import plimsoll_agent\n\n"
            f'plimsoll_agent.start(service="my-service", url="{url}",\n'
            f'                     token="{token}")',
            "Works across forks (gunicorn, Celery) and never raises into its host.",
        ),
        Snippet(
            "go", "Go",
            "pip install ./agents/sidecar\n"
            f"export PLIMSOLL_URL={url} PLIMSOLL_TOKEN={token}\n"
            "plimsoll-sidecar scrape --target http://127.0.0.1:6060/debug/pprof --service my-service",
            "The service needs net/http/pprof on a local port; nothing else changes in it.",
        ),
        Snippet(
            "pyroscope", "Any Pyroscope client",
            f"PYROSCOPE_SERVER_ADDRESS={url}\n"
            "PYROSCOPE_BASIC_AUTH_USER=plimsoll\n"
            f"PYROSCOPE_BASIC_AUTH_PASSWORD={token}",
            "Memory profiles in pprof form are kept; RSS and load come only with one of the agents above.",
        ),
    ]  # fmt: skip
