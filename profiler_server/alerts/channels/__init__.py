"""One file per way to reach people."""
