"""Faust's log: its services would log under the names of our classes."""

import logging
from typing import Final

library_log: Final = logging.getLogger("faust")
