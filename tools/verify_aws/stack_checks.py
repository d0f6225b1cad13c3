"""Checks that need CloudFormation: a registration that is imported, and a stack set of one account."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from iot_multiaccount_ca.model.assembly import NATIVE_RESOURCE_TYPE

from .room import NotRemovedError, until

if TYPE_CHECKING:
    from .accounts import Account
    from .room import Room

_REGISTRATION = "Registration"
_SETTLED_WITHIN = 300.0


def import_of(room: Room, one: Account) -> str:
    """Register a CA by hand and import it into a new stack; the status that the stack ends with."""
    ca = room.ca()
    certificate_id = room.register(one, ca)
    cloudformation, name = one.make_client("cloudformation"), f"iot-ca-verify-{secrets.token_hex(4)}"
    imported = {
        "ResourceType": NATIVE_RESOURCE_TYPE,
        "LogicalResourceId": _REGISTRATION,
        "ResourceIdentifier": {"Id": certificate_id},
    }
    room.make(
        one,
        f"the stack {name}",
        lambda: cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=name,
            ChangeSetType="IMPORT",
            TemplateBody=_template(ca.pem),
            ResourcesToImport=[imported],
        ),
        lambda: cloudformation.delete_stack(StackName=name),
        lambda: until(lambda: _is_gone(cloudformation, name), "the deletion", patience=_SETTLED_WITHIN),
    )
    settled = until(lambda: _change_set(cloudformation, name), "the change set", patience=_SETTLED_WITHIN)
    if settled["Status"] != "CREATE_COMPLETE":
        return f"{settled['Status']}: {settled.get('StatusReason', '')}"
    cloudformation.execute_change_set(ChangeSetName=name, StackName=name)
    return str(until(lambda: _stack(cloudformation, name), "the import", patience=_SETTLED_WITHIN))


def set_of_one(room: Room, one: Account) -> str:
    """Register a CA in one account by a self-managed set; the status of its instance."""
    ca = room.ca()
    cloudformation, name = one.make_client("cloudformation"), f"iot-ca-verify-{secrets.token_hex(4)}"
    work = [_allowed("iot:*"), _allowed("cloudformation:*"), _allowed("s3:GetObject"), _allowed("sns:*")]
    execution = room.role(one, one.account_id, {"Version": "2012-10-17", "Statement": work})
    pass_on = {"Version": "2012-10-17", "Statement": [_allowed("sts:AssumeRole", execution)]}
    administration = room.role(one, "cloudformation.amazonaws.com", pass_on)
    room.make(
        one,
        f"the stack set {name}",
        lambda: cloudformation.create_stack_set(
            StackSetName=name,
            TemplateBody=_template(ca.pem, stays=False),
            PermissionModel="SELF_MANAGED",
            AdministrationRoleARN=administration,
            ExecutionRoleName=execution.rpartition("/")[2],
        ),
        lambda: cloudformation.delete_stack_set(StackSetName=name),
    )
    where = {"StackSetName": name, "Accounts": [one.account_id], "Regions": [one.region]}

    def delete() -> None:
        # An interrupted check leaves an operation under way, and a set has one at a time.
        started = until(lambda: _deletion(cloudformation, where), "the set is free", patience=_SETTLED_WITHIN)
        ended = until(
            lambda: _operation(cloudformation, name, started), "the deletion", patience=_SETTLED_WITHIN
        )
        if ended != "SUCCEEDED":
            raise NotRemovedError(f"their deletion {ended}")

    # A role that was made a moment ago may not be known everywhere: an instance that failed is tried once more.
    room.later(one, f"the instances of {name}", delete)
    for create in (cloudformation.create_stack_instances, cloudformation.update_stack_instances):
        operation = create(**where)["OperationId"]
        until(lambda: _operation(cloudformation, name, operation), "the set", patience=_SETTLED_WITHIN)  # noqa: B023
        listed = cloudformation.list_stack_instances(StackSetName=name)["Summaries"]
        if listed[0]["Status"] == "CURRENT":
            break
    return f"{listed[0]['Status']} {listed[0].get('StatusReason', '')}".strip()


def _template(pem: str, *, stays: bool = True) -> str:
    properties = {"CACertificatePem": pem, "CertificateMode": "SNI_ONLY", "Status": "ACTIVE"}
    resource: dict[str, Any] = {"Type": NATIVE_RESOURCE_TYPE, "Properties": properties}
    if stays:  # what is imported has to say what becomes of it; the room takes it away
        resource["DeletionPolicy"] = "Retain"
    return json.dumps({"Resources": {_REGISTRATION: resource}})


def _allowed(action: str, resource: str = "*") -> dict[str, str]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _change_set(cloudformation: Any, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] = cloudformation.describe_change_set(StackName=name, ChangeSetName=name)
    return None if found["Status"].endswith(("_PENDING", "_IN_PROGRESS")) else found


def _stack(cloudformation: Any, name: str) -> str | None:
    status: str = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    return None if status.endswith("_IN_PROGRESS") else status


def _is_gone(cloudformation: Any, name: str) -> bool:
    """Whether a stack that is being deleted is gone, which its name is, too; one that stays is not waited for."""
    try:
        status = _stack(cloudformation, name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return True
        raise
    if status not in (None, "DELETE_COMPLETE"):
        raise NotRemovedError(status)
    return status is not None


def _deletion(cloudformation: Any, where: dict[str, Any]) -> str | None:
    """The operation that deletes a set's instances; None while another one is under way."""
    try:
        return str(cloudformation.delete_stack_instances(**where, RetainStacks=False)["OperationId"])
    except cloudformation.exceptions.OperationInProgressException:
        return None


def _operation(cloudformation: Any, name: str, operation: str) -> str | None:
    found = cloudformation.describe_stack_set_operation(StackSetName=name, OperationId=operation)
    status: str = found["StackSetOperation"]["Status"]
    return None if status in ("RUNNING", "QUEUED", "STOPPING") else status
