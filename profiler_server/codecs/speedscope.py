"""speedscope's JSON, one "sampled" profile per sample type, for https://www.speedscope.app and its kin."""

import json
from itertools import pairwise

from profiler_server.core.algebra import stack_values
from profiler_server.core.errors import IncompatibleProfiles
from profiler_server.core.profile import Profile, SampleType, StackTable

SCHEMA = "https://www.speedscope.app/file-format-schema.json"
EXPORTER = "plimsoll"
_UNITS = {"bytes", "nanoseconds", "microseconds", "milliseconds", "seconds"}


def encode(profile: Profile, name: str = "") -> bytes:
    """Return the profile as a speedscope file; stacks without a value are left out.

    Raises `IncompatibleProfiles` for negative values (a comparison), which the format cannot hold.
    """
    if profile.values.size and int(profile.values.min()) < 0:
        raise IncompatibleProfiles(
            "speedscope cannot show negative values; export the two profiles separately."
        )
    roots = [stack[::-1] for stack in _stacks(profile.stacks)]
    content = {
        "$schema": SCHEMA,
        "exporter": EXPORTER,
        "name": name,
        "activeProfileIndex": _active(profile),
        "shared": {"frames": [_frame(f.function, f.file, f.line) for f in profile.stacks.frames]},
        "profiles": [_sampled(profile, kind, roots) for kind in profile.sample_types],
    }
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _active(profile: Profile) -> int:
    names = [kind.name for kind in profile.sample_types]
    wanted = profile.default_sample_type
    return names.index(wanted) if wanted in names else len(names) - 1


def _stacks(table: StackTable) -> list[list[int]]:
    ids, offsets = table.frame_ids.tolist(), table.offsets.tolist()
    return [ids[low:high] for low, high in pairwise(offsets)]


def _frame(function: str, file: str, line: int) -> dict[str, str | int]:
    found: dict[str, str | int] = {"name": function}
    if file:
        found["file"] = file
    if line:
        found["line"] = line
    return found


def _sampled(profile: Profile, kind: SampleType, roots: list[list[int]]) -> dict[str, object]:
    weights = stack_values(profile, kind.name).tolist()
    used = [i for i, weight in enumerate(weights) if weight]
    return {
        "type": "sampled",
        "name": kind.name,
        "unit": kind.unit if kind.unit in _UNITS else "none",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": [roots[i] for i in used],
        "weights": [weights[i] for i in used],
    }
