"""The deployed worker with a rule taken out: ``python -m tests.faults.deployed RULE worker [OPTIONS]``."""

import sys

from barline.cli import main
from tests.faults import broken

broken.without(sys.argv.pop(1))
main()
