"""The agents: what carries each stage, one file an agent, and their list."""

from importlib import import_module
from typing import Final

from streams.transport.app import Agent

NAMES: Final = ("ticks", "bars", "analytics", "lines")
"""Stems of all agents, in the order of the picture."""


def load(name: str) -> Agent:
    """The agent of a stem; only its own stage is imported."""
    agent: Agent = import_module(f"{__name__}.{name}").AGENT
    return agent
