"""``python -m barline.cli``: how the supervisor starts services, whatever is on the PATH."""

from barline.cli import main

main(prog_name="barline")
