"""How a call on stack sets is refused: AWS's error code, its message and the HTTP status."""

from __future__ import annotations


class RefusedError(Exception):
    """What the caller is answered with; the codes are those of the CloudFormation API reference."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def invalid(message: str) -> RefusedError:
    """The answer to a request that breaks a rule of its parameters."""
    return RefusedError("ValidationError", message)
