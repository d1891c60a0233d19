"""Measurements: every figure in the documents is printed by a module here."""
