"""Faust made safe and fast: record batches instead of single records, and checkpoints that lose nothing.

The rules R1 to R13 that the modules name are those of ``docs/architecture.md``.
"""
