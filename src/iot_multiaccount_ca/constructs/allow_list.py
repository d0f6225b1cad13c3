"""An allow-list given as a construct: whether it stands where our Lambda looks, and what the Lambda may read of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Token

from ..errors import EnvironmentMismatchError

if TYPE_CHECKING:
    from aws_cdk import aws_iam

    from ..model.jitr.admission import Admission
    from .place import Place


def check_list(admission: Admission, place: Place, path: str) -> None:
    """Raise `EnvironmentMismatchError` for a list that is known to be of another account or region."""
    parameter, table = admission.parameter, admission.table
    for kind, listed, arn in (
        ("parameter", parameter, parameter.parameter_arn if parameter is not None else ""),
        ("table", table, table.table_arn if table is not None else ""),
    ):
        if listed is None:
            continue
        account, region = _where(listed, arn)
        if any(
            not Token.is_unresolved(there) and there != here
            for there, here in ((account, place.account), (region, place.region))
        ):
            raise EnvironmentMismatchError(
                f"{path} looks into its own account {place.account}, {place.region}, and its {kind} is of account "
                f"{account}, {region}",
                fix=f"give each stage a {kind} of its own, or name one that is there in each: {kind}_name=…",
            )


def grant_list(admission: Admission, role: aws_iam.IRole) -> None:
    """Let the role read a list with the key it is encrypted with, as far as the list itself knows the key."""
    if admission.parameter is not None:
        # Only the parameter knows the key of a SecureString, and only its own grant tells it.
        admission.parameter.grant_read(role)
    key = getattr(admission.table, "encryption_key", None)
    if key is not None:
        key.grant_decrypt(role)


def _where(listed: Any, arn: str) -> tuple[str, str]:
    """Account and region, out of the ARN where it is written out, else of the stack that makes the list."""
    parts = arn.split(":")
    if len(parts) > 5:
        return parts[4], parts[3]
    environment = listed.env
    return environment.account, environment.region
