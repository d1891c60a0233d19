"""Flame graphs, tables and merges of a service of 2,000 stacks, against plain Python over the same stacks.

``python -m benchmarks.trees``
"""

from __future__ import annotations

import numpy as np

from benchmarks._timing import medians_ms, verdict
from profiler_server.core.algebra import merge, stack_values
from profiler_server.core.profile import Frame, Profile, SampleType, StackTable
from profiler_server.core.prune import prune
from profiler_server.core.stacks import offsets_of
from profiler_server.core.top import top_table
from profiler_server.core.tree import stack_tree

STACKS, FRAMES, DEEPEST = 2_000, 6_000, 60
MAX_NODES = 2_000
COLD_TARGET, CACHED_TARGET = 2.0, 10.0
PRUNED = f"tree, cached and pruned to {MAX_NODES:,} nodes"
SPACE = SampleType("inuse_space", "bytes")


def main() -> int:
    """Print the figures."""
    profile = a_service()
    values = stack_values(profile)
    structure = stack_tree(profile.stacks)
    print(
        f"{STACKS:,} stacks, {len(profile.stacks.frame_ids):,} frames, {len(structure):,} nodes in the tree"
    )
    times = medians_ms(
        {
            "reference: tree by plain Python": lambda: plain_tree(profile),
            "tree, cold (structure and values)": lambda: stack_tree(profile.stacks).flame(
                values, sample_type=SPACE
            ),
            "tree, structure cached": lambda: structure.flame(values, sample_type=SPACE),
            PRUNED: lambda: prune(structure.flame(values, sample_type=SPACE), MAX_NODES),
            "comparison, cached and pruned": lambda: prune(
                structure.flame(values, values // 2, sample_type=SPACE), MAX_NODES
            ),
            "top table, 50 rows": lambda: top_table(profile, limit=50),
            "merge of 10 profiles over one table": lambda: merge([profile] * 10),
        }
    )
    reference = times["reference: tree by plain Python"]
    print(f"\n{'':<44} {'CPU ms':>9} {'reference / this':>18}")
    for name, ms in times.items():
        print(f"{name:<44} {ms:9.3f} {reference / ms:16.1f} x")
    cold = times["tree, cold (structure and values)"]
    print("\n" + verdict("cold tree against plain Python", reference / cold, COLD_TARGET))
    print(verdict("cached and pruned against plain Python", reference / times[PRUNED], CACHED_TARGET))
    return 0


def a_service() -> Profile:
    """Return a profile whose stacks share their roots as real ones do."""
    random = np.random.default_rng(7)
    frames = tuple(
        Frame(f"example.org/pkg{i % 50}.fn{i}", f"pkg{i % 50}/f{i % 300}.go", i % 1000) for i in range(FRAMES)
    )
    stacks: list[list[int]] = []
    before: list[int] = []
    for _ in range(STACKS):
        shared = max(int(random.integers(0, len(before) + 1)), len(before) - 25)
        fresh = random.integers(0, FRAMES, int(random.integers(5, 30))).tolist()
        before = (before[:shared] + fresh)[:DEEPEST]
        stacks.append(before[::-1])
    table = StackTable(
        frames, offsets_of(np.array([len(s) for s in stacks])), np.concatenate(stacks).astype(np.int32)
    )
    return Profile(
        sample_types=(SPACE,),
        stacks=table,
        stack_ids=np.arange(STACKS, dtype=np.int32),
        values=random.integers(1, 1 << 20, (STACKS, 1)),
        labels=((),),
        label_ids=np.zeros(STACKS, np.int32),
    )


def plain_tree(profile: Profile) -> dict[tuple[int, str], list[int]]:
    """Return {(parent node, function): [node, cumulative, flat]}, one dictionary step per frame."""
    nodes: dict[tuple[int, str], list[int]] = {}
    for i, value in enumerate(stack_values(profile).tolist()):
        parent, node = 0, [0, 0, 0]
        for frame in reversed(profile.stacks.stack(i)):
            node = nodes.setdefault((parent, frame.function), [len(nodes) + 1, 0, 0])
            node[1] += value
            parent = node[0]
        node[2] += value
    return nodes


if __name__ == "__main__":
    main()
