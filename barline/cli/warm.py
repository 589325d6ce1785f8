"""Compile every kernel once, so that no process waits for it later."""

import time

import click

from runtime.logs import configure


@click.command(help=__doc__)
def command() -> None:
    """Run throwaway stages of all agents; what is compiled is kept in the user's cache."""
    configure()
    from schemas.codec import LOCAL_IDS  # noqa: PLC0415
    from streams.agents import NAMES, load  # noqa: PLC0415
    from streams.transport.codec import Codec  # noqa: PLC0415
    from streams.transport.worker import warm_all  # noqa: PLC0415

    start = time.monotonic()
    warm_all([load(name) for name in NAMES], Codec(LOCAL_IDS))
    click.echo(f"kernels are ready after {time.monotonic() - start:.0f} s")
