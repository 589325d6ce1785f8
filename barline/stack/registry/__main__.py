"""Run the registry: ``python -m barline.stack.registry --log FILE --port PORT``."""

import argparse
from pathlib import Path

from aiohttp import web

from barline.stack.registry.server import application
from barline.stack.registry.store import Store

options = argparse.ArgumentParser(prog="barline.stack.registry", description="A schema registry on loopback.")
options.add_argument("--log", type=Path, required=True, help="the file that everything is kept in")
options.add_argument("--host", default="127.0.0.1")
options.add_argument("--port", type=int, required=True)
chosen = options.parse_args()
web.run_app(application(Store(chosen.log)), host=chosen.host, port=chosen.port, print=None, access_log=None)
