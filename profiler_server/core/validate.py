"""The one validity gate: every profile, whatever bytes it came from, passes here before anything else sees it."""

from dataclasses import dataclass, fields

import numpy as np

from profiler_server.core.errors import InvalidProfile, LimitExceeded
from profiler_server.core.profile import Frame, IntArray, LabelSet, Profile

MAX_ABSOLUTE_TOTAL = 2**62
LINE_BOUND = 2**31


@dataclass(frozen=True, slots=True)
class ProfileLimits:
    """Bounds on one profile; each is an upper limit that is still allowed."""

    unpacked_bytes: int = 64 * 2**20
    sample_types: int = 64
    samples: int = 100_000
    stack_depth: int = 1_024
    stack_frames: int = 8_000_000
    labels: int = 1_000_000
    locations: int = 500_000
    lines: int = 1_000_000
    functions: int = 500_000
    mappings: int = 10_000
    strings: int = 1_000_000
    string_length: int = 65_536

    def check(self, name: str, amount: int) -> None:
        """Raise `LimitExceeded` when `amount` passes the bound of this name."""
        bound: int = getattr(self, name)
        if amount > bound:
            raise LimitExceeded(
                f"A profile may have at most {bound:,} {name.replace('_', ' ')}; this one has more."
            )


DEFAULT_LIMITS = ProfileLimits()
LIMIT_NAMES = tuple(item.name for item in fields(ProfileLimits))


def check_profile(profile: Profile, limits: ProfileLimits = DEFAULT_LIMITS) -> Profile:
    """Return the profile if it keeps every rule of the model.

    Raises `InvalidProfile` (shapes, indices, names, values whose sum would overflow) or `LimitExceeded`.
    """
    _check_types(profile, limits)
    _check_shapes(profile)
    limits.check("samples", len(profile))
    limits.check("stack_frames", len(profile.stacks.frame_ids))
    limits.check("stack_depth", int(profile.stacks.depths().max(initial=0)))
    _check_indices("frame", profile.stacks.frame_ids, len(profile.stacks.frames))
    _check_indices("stack", profile.stack_ids, len(profile.stacks))
    _check_indices("label", profile.label_ids, len(profile.labels))
    _check_totals(profile)
    _check_frames(profile.stacks.frames, limits)
    for labels in profile.labels:
        _check_labels(labels, limits)
    return profile


def _check_types(profile: Profile, limits: ProfileLimits) -> None:
    limits.check("sample_types", len(profile.sample_types))
    names = [kind.name for kind in profile.sample_types]
    if not names:
        raise InvalidProfile("A profile needs at least one sample type.")
    if len(set(names)) < len(names):
        raise InvalidProfile("Two sample types of this profile have the same name.")
    for text in (*names, *(kind.unit for kind in profile.sample_types), profile.default_sample_type):
        _check_text(text, limits)


def _check_shapes(profile: Profile) -> None:
    n = len(profile.stack_ids)
    if profile.values.shape != (n, len(profile.sample_types)) or profile.label_ids.shape != (n,):
        raise InvalidProfile("Samples, values and labels must be equally many.")
    offsets = profile.stacks.offsets
    if (
        len(offsets) < 1
        or offsets[0] != 0
        or offsets[-1] != len(profile.stacks.frame_ids)
        or (np.diff(offsets) < 0).any()
    ):
        raise InvalidProfile("The offsets of the stacks must rise from 0 to the number of frames.")


def _check_indices(what: str, ids: IntArray, size: int) -> None:
    if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= size):
        raise InvalidProfile(f"A {what} index lies outside its table.")


def _check_totals(profile: Profile) -> None:
    """Refuse values whose sums could leave int64; checked in float64, far below the bound's distance to it."""
    if np.abs(profile.values.astype(np.float64)).sum(axis=0).max(initial=0.0) > MAX_ABSOLUTE_TOTAL:
        raise LimitExceeded("The values of a sample type add up to more than 2^62.")


def _check_frames(frames: tuple[Frame, ...], limits: ProfileLimits) -> None:
    texts = {frame.function for frame in frames} | {frame.file for frame in frames}
    _check_text(max(texts, key=len, default=""), limits)
    _check_text(next((text for text in texts if "\0" in text), ""), limits)
    lines = {frame.line for frame in frames}
    if lines and not (min(lines) >= 0 and max(lines) < LINE_BOUND):
        raise InvalidProfile(f"Line {min(lines)} or {max(lines)} is not a line of a file.")


def _check_labels(labels: LabelSet, limits: ProfileLimits) -> None:
    for key, value in labels:
        _check_text(key, limits)
        if not key or value == "":
            raise InvalidProfile("A label needs a key and a value.")
        if isinstance(value, str):
            _check_text(value, limits)


def _check_text(text: str, limits: ProfileLimits) -> None:
    limits.check("string_length", len(text))
    if "\0" in text:
        raise InvalidProfile("A name must not hold a NUL character.")
