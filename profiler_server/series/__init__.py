"""Points: RSS, heap counters, load, latency and custom series."""
