"""Functions that are not ours, run in a process of their own."""
