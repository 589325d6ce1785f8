"""The servers and programs on one machine, under one supervisor. Start with :mod:`barline.stack.running`."""

from barline.stack.running import Handle, Stack, attach, running, running_async
from barline.stack.service import Service

__all__ = ["Handle", "Service", "Stack", "attach", "running", "running_async"]
