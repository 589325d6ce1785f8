"""Dead letters: found again, shown as what they were, and put back where they came from."""
