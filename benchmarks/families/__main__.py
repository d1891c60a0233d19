"""How the detector does on families that the public suite lacks: python -m benchmarks.families [--count N] [--seed S].

Each family makes `count` leaking and `count` healthy services; the table shows what was said of them. `--write DIR`
puts recordings and labels there instead, for `python manage.py backtest DIR/traces --labels DIR/labels`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.families.catalogue import FAMILIES
from benchmarks.families.judging import judged, table, write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3, help="leaking and healthy services of each family")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--family", action="append", choices=sorted(FAMILIES), help="only this family")
    parser.add_argument("--services", type=int, default=1, help="services looked at, of which no other leaks")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", type=Path, help="write recordings and labels here, judge nothing")
    parser.add_argument("--lines", type=Path, help="write the detector's lines here too")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.count)
    tasks = [
        (f, leaks, seed) for f in options.family or FAMILIES for leaks in (True, False) for seed in seeds
    ]
    if options.write is not None:
        for task in tasks:
            write(options.write, task)
        return
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        lines = pool.map(partial(judged, services=options.services), tasks, chunksize=1)
    print(table(lines))
    for label, line in lines:
        if (line["detected_at"] is not None) != (label["verdict"] == "leak"):
            print(f"wrong: {label['name']}: {line['verdict']}, {line['diagnosis']}: {line.get('sentence')}")
    if options.lines is not None:
        options.lines.write_text("".join(json.dumps(line) + "\n" for _, line in lines))


if __name__ == "__main__":
    main()
