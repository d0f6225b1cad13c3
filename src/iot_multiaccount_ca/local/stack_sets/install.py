"""Adds stack sets to the emulator."""

from __future__ import annotations

from ministack.services import cloudformation

from . import automatic, organizations, resource
from .calls import CALLS
from .wire import served


def close() -> None:
    """Serve the calls on stack sets, their resource, and what of Organizations they need."""
    resource.close()
    organizations.close()
    # Last: it follows calls that were added before.
    automatic.close()
    for name, action in CALLS.items():
        cloudformation._ACTION_HANDLERS[name] = served(name, action)
