"""Bytes to core types and back: one file per profile format."""
