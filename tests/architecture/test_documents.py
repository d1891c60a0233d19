"""The documents lead where they say: every relative link has its target, every named door exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = {".venv", ".plimsoll", ".git", "node_modules", "build"}
DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
DOOR = re.compile(r"`make ([a-z]+)")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_have_targets(path: Path) -> None:
    links = [
        link
        for link in LINK.findall(path.read_text())
        if "://" not in link and not link.startswith("mailto:")
    ]
    missing = [link for link in links if not (path.parent / link).exists()]
    assert missing == []


def test_doors_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    doors = {door for path in DOCUMENTS for door in DOOR.findall(path.read_text())} - {"incident"}
    assert [door for door in sorted(doors) if f"\n{door}:" not in makefile] == []
