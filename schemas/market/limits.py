"""How large numbers may be: beyond, sums of them would be infinite and spoil the bar of everybody else.

Some feeds send the largest double where they have no number.
"""

from typing import Final

LARGEST: Final = 1e100
"""Of a price, and of the size of a print."""
LARGEST_SUM: Final = 1e250
"""Of the volume and the notional of a bar."""
