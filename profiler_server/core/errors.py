"""The one tree of errors that the product raises on purpose.

::

    ProfilerError                 code                  what it tells the caller
    ├── InvalidProfile            invalid_profile       the bytes are not a profile of the named format
    ├── UnsupportedFormat         unsupported_format    a format, encoding or version that is not read here
    ├── IncompatibleProfiles      incompatible_profiles profiles that cannot be added or compared
    ├── InvalidPoints             invalid_points        a batch of points that breaks the rules
    ├── LimitExceeded             limit_exceeded        a named bound was passed
    ├── NotFound                  not_found             no such thing in this project
    ├── AccessDenied              access_denied         the caller may not do this
    ├── Conflict                  conflict              the thing changed meanwhile, or exists already
    └── Transient                 transient             try again later; the only kind that is retried

The message is one sentence that the reader can act on; it never carries a stack trace, a path or a secret.
The classes are named by what is wrong, without an "Error" suffix.
"""

from typing import ClassVar

__all__ = [
    "AccessDenied",
    "Conflict",
    "IncompatibleProfiles",
    "InvalidPoints",
    "InvalidProfile",
    "LimitExceeded",
    "NotFound",
    "ProfilerError",
    "Transient",
    "UnsupportedFormat",
]


class ProfilerError(Exception):
    """Something expected went wrong; `message` says what to do, `code` is stable for programs."""

    code: ClassVar[str] = "profiler_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidProfile(ProfilerError):
    """The bytes are not a well-formed profile."""

    code = "invalid_profile"


class UnsupportedFormat(ProfilerError):
    """The format, its version or its encoding is not one that is read here."""

    code = "unsupported_format"


class IncompatibleProfiles(ProfilerError):
    """The profiles do not share what the operation needs, such as a sample type."""

    code = "incompatible_profiles"


class InvalidPoints(ProfilerError):
    """The batch of points breaks the rules of names, times or lengths."""

    code = "invalid_points"


class LimitExceeded(ProfilerError):
    """A named bound was passed; the message names it and its value."""

    code = "limit_exceeded"


class NotFound(ProfilerError):
    """There is no such thing, or none that this caller may know of."""

    code = "not_found"


class AccessDenied(ProfilerError):
    """The caller is known but may not do this."""

    code = "access_denied"


class Conflict(ProfilerError):
    """The thing was changed by another, or exists already."""

    code = "conflict"


class Transient(ProfilerError):
    """A passing failure outside the program; the same call may succeed later."""

    code = "transient"
