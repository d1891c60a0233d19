"""HTTP in: one file per dialect."""
