"""The vendored files are the ones that the manifests name, each with its licence."""

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = [ROOT / "dashboards" / "static" / "vendor", ROOT / "tests" / "browser" / "vendor"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_file_is_in_the_manifest_with_its_checksum(folder: Path) -> None:
    entries = json.loads((folder / "manifest.json").read_text())["files"]
    for entry in entries:
        content = (folder / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], entry["file"]
        assert (folder / entry["license_file"]).read_text().strip()
        assert entry["version"]
        assert entry["source"].startswith("https://")
    named = (
        {entry["file"] for entry in entries}
        | {entry["license_file"] for entry in entries}
        | {"manifest.json"}
    )
    assert {path.name for path in folder.iterdir()} == named


def test_the_chart_library_needs_no_evaluation_of_text() -> None:
    code = (FOLDERS[0] / "plotly-basic-4.1.1.min.js").read_text()
    assert "new Function(" not in code
    assert "no-inline-styles" in code
