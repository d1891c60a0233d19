"""The pure domain: profiles, their algebra and the statistics of leaks; no Django, no I/O, no clock."""
