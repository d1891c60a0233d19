"""Whose code a frame is: a runtime's and its standard library's, an installed package's, or the team's own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from profiler_server.core.profile import Frame

GO_ROOTS = re.compile(
    r"(^|/)(usr/local/go|usr/lib/go[^/]*|go/go[0-9.]+|goroot|hostedtoolcache/go/[^/]+/[^/]+)/", re.IGNORECASE
)
PYTHON_STDLIB = re.compile(
    r"(/|^)python\d(\.\d+)?/(?!site-packages/|dist-packages/)|^<(frozen|string|unknown)"
)
PYTHON_PACKAGES = re.compile(r"/(site|dist)-packages/")
GO_MODULES = re.compile(r"/pkg/mod/|/vendor/|@v\d")
JAVA_STDLIB = re.compile(r"^(java|javax|jdk|sun|com\.sun|kotlin|scala)\.")
NATIVE_RUNTIME = re.compile(
    r"^(_?_?libc_|malloc|calloc|realloc|operator new|std::|__gnu_cxx::|_Py|Py[A-Z]|tracemalloc|memalign|mmap)"
)
CLOSURE = re.compile(r"(\.func\d+|\.gowrap\d+|\.\d+|-fm)+$|\.<locals>\..*$")
RECEIVER = re.compile(r"^(.*\.\(\*?[^()]+\))\.[^.()]+$")
CLASS = re.compile(r"^((?:.*\.)?_*[A-Z][^.]*)\.[^.]+$")


def _go_package(function: str) -> str | None:
    """Return the import path in a Go function's name (`net/http.(*conn).serve` → `net/http`)."""
    slash = function.rfind("/", 0, function.find("(") if "(" in function else len(function))
    dot = function.find(".", slash + 1)
    return function[:dot] if dot > 0 else None


def is_runtime(frame: Frame, language: str) -> bool:
    """Whether a frame belongs to the language's runtime or standard library."""
    function, file = frame.function, frame.file
    if NATIVE_RUNTIME.match(function):
        return True
    if language == "go" or file.endswith((".go", ".s")):
        if GO_ROOTS.search(file):
            return True
        package = _go_package(function) or ""  # a program built with -trimpath names files by their package
        known_file = file not in ("", "?") and not file.startswith("internal/runtime")
        return (
            package.split("/")[0] in GO_STDLIB
            and package != "main"
            and (not known_file or "/src/" in file or file.startswith(package + "/"))
        )
    if language == "java" or file.endswith((".java", ".kt", ".scala")):
        return bool(JAVA_STDLIB.match(function)) or file.startswith(("java.base/", "jdk."))
    return bool(PYTHON_STDLIB.search(file))


def is_package(frame: Frame) -> bool:
    """Whether a frame belongs to an installed third-party package."""
    return bool(PYTHON_PACKAGES.search(frame.file) or GO_MODULES.search(frame.file))


def same_type(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two places (function, file) are methods of one type, or one function and its closures.

    A Go type may have its methods in several files of its package's folder; elsewhere a type is of one file.
    """
    (name, file), (other_name, other_file) = (_type_of(one[0]), one[1]), (_type_of(other[0]), other[1])
    if name.endswith(")"):
        file, other_file = file.rpartition("/")[0], other_file.rpartition("/")[0]
    return (name, file) == (other_name, other_file)


def _type_of(function: str) -> str:
    """Return the type whose method a function is (`async.(*task).run.func1` → `async.(*task)`), else its own name."""
    name = CLOSURE.sub("", function)
    method = RECEIVER.match(name) or CLASS.match(name)
    return method[1] if method else name


def guilty_index(stack: Sequence[Frame], language: str) -> int:
    """Return the position (leaf = 0) of the frame that a person would fix.

    It is the first frame outside the runtime and the standard library; where that is an installed Python package and
    the team's own code called it, the first frame of the team's own. A Go module is pinned with the service and its
    frames are named as they are. Without any such frame it is the leaf.
    """
    outside = [i for i, frame in enumerate(stack) if not is_runtime(frame, language)]
    if not outside:
        return 0
    own = [i for i in outside if not PYTHON_PACKAGES.search(stack[i].file)]
    return own[0] if own else outside[0]


# fmt: off
GO_STDLIB = frozenset((
    "archive", "bufio", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug",
    "embed", "encoding", "errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index",
    "internal", "io", "iter", "log", "maps", "math", "mime", "net", "os", "path", "plugin", "reflect",
    "regexp", "runtime", "slices", "sort", "strconv", "strings", "structs", "sync", "syscall", "testing",
    "text", "time", "unicode", "unique", "unsafe", "weak", "vendor", "type",
))
# fmt: on
