"""How large the fleet of the benchmark is; read with and without Django."""

SERVICES, SECONDS, INTERVAL = 1_000, 86_400, 600
EVERY_FINDING, EVERY_SUSPECT = 20, 33
