"""The life of a CA's registration in one account and region: Create, Update, Delete. `run` is all that is called.

Loaded when asked for: the command line signs with `verification_certificate` where no boto3 is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lifecycle import run

__all__ = ["run"]


def __getattr__(name: str) -> Any:
    if name == "run":
        from .lifecycle import run

        return run
    raise AttributeError(name)
