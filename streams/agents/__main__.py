"""``python -m streams.agents``: compile the kernels of all agents, so that a first worker starts at once."""

from runtime.logs import configure
from schemas.codec import LOCAL_IDS
from streams.agents import NAMES, load
from streams.transport.codec import Codec
from streams.transport.worker import warm_all

configure()
warm_all([load(name) for name in NAMES], Codec(LOCAL_IDS))
