"""How much data the benchmark of the service page stores; read with and without Django."""

SERVICE = "forty-series"
INSTANCES, SECONDS, INTERVAL = 10, 86_400, 30
