"""Findings: memory that grows decoupled from load, its evidence and its life cycle."""
