"""What may be named to be adopted from: a stack, and the role of a template that is found. Asks no AWS."""

from __future__ import annotations

import re

from ..errors import ForeignAdoptionError, InvalidNameError, InvalidTypeError
from .checks import STACK_NAME_ALLOWED, is_stack_name
from .target import is_token

# Without wildcards: what is named here is granted.
_STACK_ID = re.compile(r"arn:[a-z0-9-]+:cloudformation:[a-z0-9-]+:[0-9]{12}:stack/[A-Za-z0-9/-]+", re.ASCII)
_ROLE_ARN = re.compile(r"arn:[a-z0-9-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)


def check_stack(stack: object, *, what: str) -> None:
    """Raise `InvalidNameError` unless it is a stack's name or id, as a literal string."""
    if not isinstance(stack, str) or not (is_stack_name(stack) or _STACK_ID.fullmatch(stack)):
        token = is_token(stack)
        raise InvalidNameError(
            f"{what} is {'only known at deployment (a CDK Token)' if token else 'no name or id of a stack'}",
            value=None if token else stack,
            allowed=f"a stack's name ({STACK_NAME_ALLOWED}), or its id (an ARN)",
            fix="write the name out, as `aws cloudformation list-stacks` shows it",
        )


def check_role_arn(arn: object, *, what: str) -> None:
    """Raise `InvalidTypeError` unless it is a role's ARN, or a Token."""
    if not isinstance(arn, str) or not (_ROLE_ARN.fullmatch(arn) or is_token(arn)):
        raise InvalidTypeError(
            f"{what} is not an ARN of a role",
            value=arn,
            allowed="arn:aws:iam::<account>:role/<name>",
            fix="write the ARN of the role of the provisioning template, as `aws iot describe-provisioning-template` "
            "shows it",
        )


def check_place(arn: str | None, *, account: str, region: str, what: str) -> None:
    """Raise `ForeignAdoptionError` for the ARN of another account or region: nothing is adopted from there."""
    if arn is None or is_token(arn) or not arn.startswith("arn:"):
        return
    of_region, of_account = arn.split(":")[3:5]
    if of_account != account or of_region not in ("", region):
        raise ForeignAdoptionError(
            f"{what} is of another account or region than the registration",
            value=arn,
            allowed=f"account {account}, region {region}",
            fix="name what is in the account and region of the registration: a CA is adopted where it is registered, "
            "and a role passed in its own account only",
        )
