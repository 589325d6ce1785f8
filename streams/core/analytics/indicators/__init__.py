"""The indicators: one file a formula, ``steps`` runs them all in one pass."""
