"""Indicators computed over a bounded window of bars by a function that is not ours, off the hot path."""
