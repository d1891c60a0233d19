"""What the native agent can refuse, each with a sentence to act on."""

from __future__ import annotations


class NativeError(RuntimeError):
    """The head of this package's errors."""


class UnsupportedInterpreter(NativeError):  # noqa: N818 - named after the fact, like the standard library's own
    """This interpreter's private layouts are not known: the hooks are refused rather than guessed."""


class AlreadyStarted(NativeError):  # noqa: N818
    """The sampler runs in this process already; stop it first."""


class NotStarted(NativeError):  # noqa: N818
    """The sampler does not run in this process; start it first."""
