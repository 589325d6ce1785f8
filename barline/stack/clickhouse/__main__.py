"""Run the engine: ``python -m barline.stack.clickhouse --directory DIR --users FILE --port PORT``."""

import argparse
import shutil
from pathlib import Path

import chdb
from aiohttp import web

from barline.stack.clickhouse.engine import Engine
from barline.stack.clickhouse.server import Served, application
from barline.stack.clickhouse.users import read_users


def main() -> None:
    """Read the options, open the engine, serve until told to stop."""
    options = argparse.ArgumentParser(prog="barline.stack.clickhouse", description=__doc__)
    options.add_argument("--directory", type=Path, required=True, help="where tables are kept")
    options.add_argument("--users", type=Path, required=True, help="JSON file of users")
    options.add_argument("--database", default="default", help="made when it is not there")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, required=True)
    chosen = options.parse_args()
    spool = chosen.directory / "spool"
    shutil.rmtree(spool, ignore_errors=True)  # rows that a crash left behind were never acknowledged
    spool.mkdir(parents=True)
    first = chdb.connect(str(chosen.directory / "engine"))
    first.query(f"CREATE DATABASE IF NOT EXISTS `{chosen.database}`")
    served = Served(Engine(chosen.directory / "engine"), read_users(chosen.users), chosen.database, spool)
    web.run_app(
        application(served),
        host=chosen.host,
        port=chosen.port,
        print=None,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=5,
    )


if __name__ == "__main__":
    main()
