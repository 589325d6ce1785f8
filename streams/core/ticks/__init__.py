"""Ticks and quotes to 1s, 1m and forming bars."""
