"""The detector's knobs as the table that the docs show: python -m benchmarks.knobs [--write PAGE]."""

from __future__ import annotations

import argparse
import ast
import inspect
from itertools import pairwise
from pathlib import Path

from profiler_server.core.leak import config

BEGIN, END = "<!-- knobs:begin -->", "<!-- knobs:end -->"


def knobs() -> dict[str, str]:
    """Return what each knob means, as the text below it in the source says."""
    tree = ast.parse(inspect.getsource(config.DetectorConfig))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for field, text in pairwise(body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(meaning))):
                found[name] = " ".join(meaning.split())
    return found


def table() -> str:
    """Return name, value and meaning of every knob as a Markdown table."""
    rows = ["| knob | value | meaning |", "|---|---|---|"]
    for name, meaning in knobs().items():
        value = getattr(config.DEFAULT_CONFIG, name)
        shown = ", ".join(f"{v:g}" for v in value) if isinstance(value, tuple) else f"{value:g}"
        rows.append(f"| `{name}` | {shown} | {meaning} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="a Markdown file whose marked table is replaced")
    options = parser.parse_args(None if __name__ == "__main__" else [])
    print(table())
    if options.write is not None:
        page = options.write.read_text()
        head, rest = page.split(BEGIN)
        options.write.write_text(f"{head}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
