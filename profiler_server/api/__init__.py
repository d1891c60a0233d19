"""HTTP out: the JSON API, pprof downloads and compatible queries."""
