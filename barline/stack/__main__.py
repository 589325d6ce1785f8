"""The supervisor as a process: ``python -m barline.stack --home DIR [--leash FD]``."""

import argparse
import os
import sys
from pathlib import Path

from barline.stack.supervisor import supervise
from schemas.errors import BarlineError

options = argparse.ArgumentParser(prog="barline.stack", description="Keep the services of a home running.")
options.add_argument("--home", type=Path, required=True)
options.add_argument("--leash", type=int, default=-1, help="end with the owner of this pipe")
chosen = options.parse_args()
try:
    sys.exit(supervise(chosen.home, os.getpid(), chosen.leash))
except BarlineError as error:
    sys.exit(f"error: {error}")
