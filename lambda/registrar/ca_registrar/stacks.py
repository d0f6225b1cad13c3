"""What CloudFormation says of a stack: whether it is gone, and whether it is rolling back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from .errors import RegistrarError, code_of, sentence_of
from .ownership import place_of

if TYPE_CHECKING:
    from .runtime import Patience

_GONE = "DELETE_COMPLETE"
_UNKNOWN = "does not exist"


class StackUnreadableError(RegistrarError):
    """The stack's own status has to be known, and CloudFormation does not tell it."""


class Fate(NamedTuple):
    """What became of a stack. ``said``: how CloudFormation put it, for a sentence."""

    gone: bool
    said: str


class Stacks:
    """CloudFormation in the account and region of ``own_id``, the stack that this Lambda is of."""

    def __init__(self, clients: Any, patience: Patience, own_id: str) -> None:
        self._clients = clients
        self._patience = patience
        self._own_id = own_id
        self._rolls_back: bool | None = None

    def rolls_back(self) -> bool:
        """Whether our own stack says that it is rolling back. Asked once; raises `StackUnreadableError`."""
        if self._rolls_back is None:
            try:
                self._rolls_back = "ROLLBACK" in self._status(self._own_id)
            except (ClientError, BotoCoreError) as error:
                raise StackUnreadableError(
                    f"its stack could not be asked whether it is rolling back ({sentence_of(error)}); let the Lambda's "
                    "role call cloudformation:DescribeStacks on its own stack, and try again; all was left as it was"
                ) from None
        return self._rolls_back

    def fate(self, stack_id: str) -> Fate:
        """Whether a stack is gone. One of which CloudFormation does not say so is alive, a denial included."""
        if place_of(stack_id) != place_of(self._own_id):
            return Fate(gone=False, said="it is not of this account and region")
        try:
            status = self._status(stack_id)
        except ClientError as error:
            return Fate(
                gone=False, said=f"CloudFormation does not say that it is gone ({sentence_of(error)})"
            )
        return Fate(gone=status == _GONE, said=f"CloudFormation has it as {status}")

    def _status(self, stack_id: str) -> str:
        cloudformation = self._clients.client("cloudformation")
        try:
            answer = self._patience.attempt(lambda: cloudformation.describe_stacks(StackName=stack_id))
        except ClientError as error:
            # For 90 days a deleted stack is known by its id; after that, not even so.
            if code_of(error) == "ValidationError" and _UNKNOWN in sentence_of(error):
                return _GONE
            raise
        return str(answer["Stacks"][0]["StackStatus"])
