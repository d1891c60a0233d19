"""What all tests share; their servers are made in tests/servers.py."""
