"""The version of the stage's state."""

from typing import Final

VERSION: Final = 3
"""Version of every saved state of this stage."""
