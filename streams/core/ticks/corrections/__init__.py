"""Cancels and corrects of prints: what is kept for them, and what they do to minutes and seconds."""
