"""Answers the server's question who holds the objects of a call site."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from plimsoll_agent.census import Census
from plimsoll_agent.samplers import Sampler

Site = Sequence[tuple[str, str, int]]


class HolderSearch:
    """Asks the native sampler's snapshot search where it exists, else takes a census of big containers."""

    def __init__(self, sampler: Sampler, *, redact: bool) -> None:
        self._sampler = sampler
        self._census = Census(redact=redact)
        self._redact = redact

    def note(self) -> None:
        """Remember how big the containers are now, so that a later report can say which one grows."""
        native = getattr(self._sampler, "note_containers", None)
        if native is not None:
            native()
        else:
            self._census.count()

    def search(self, site: Site) -> Optional[dict[str, Any]]:
        """Return the report of the wire contract without its envelope, None if nothing can be said."""
        native = getattr(self._sampler, "find_holders", None)
        report: Optional[dict[str, Any]] = native(site, redact=self._redact) if native is not None else None
        if report is None:
            report = self._census.report()
        report["site"] = [{"function": f, "file": path, "line": line} for f, path, line in site]
        return report
