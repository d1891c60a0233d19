"""What the native agent can refuse, each with a sentence to act on."""

from __future__ import annotations


class NativeError(RuntimeError):
    """The head of this package's errors."""


class UnsupportedInterpreter(NativeError):
    """This interpreter's private layouts are not known: the hooks are refused rather than guessed."""


class AlreadyStarted(NativeError):
    """The sampler runs in this process already; stop it first."""


class NotStarted(NativeError):
    """The sampler does not run in this process; start it first."""
