"""Heap profiles: interned stacks, compressed blocks, roll-ups and the queries over them."""
