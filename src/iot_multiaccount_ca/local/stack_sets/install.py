"""Adds stack sets to the emulator."""

from __future__ import annotations

from ministack.services import cloudformation

from . import organizations
from .calls import CALLS
from .wire import served


def close() -> None:
    """Serve the calls on stack sets, and those of Organizations that they need."""
    organizations.close()
    for name, action in CALLS.items():
        cloudformation._ACTION_HANDLERS[name] = served(name, action)
