"""The command line, ``iot-ca``. Parses, calls, prints; what it knows, it asks the other rooms for."""

from .main import main

__all__ = ["main"]
