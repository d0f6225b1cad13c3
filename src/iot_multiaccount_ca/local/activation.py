"""Our activation Lambda on the local AWS: puts a device on its allow-list, and reads what it decided on a device."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from cryptography import x509

from ..errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.assembly import RegistrationRecord
    from .device import DeviceCertificate
    from .emulator import LocalAws

#: Lambda runs an event that failed twice more.
ATTEMPTS = 3


def make_list(aws: LocalAws, record: RegistrationRecord) -> None:
    """Make the allow-list of a stage, empty, where the app names one that it does not make itself."""
    wanted = _list_of(record)
    if wanted is not None and isinstance(wanted["name"], str):
        (_make_parameter if wanted["type"] == "PARAMETER" else _make_table)(aws, record, wanted)


def put_on_list(aws: LocalAws, record: RegistrationRecord, device: DeviceCertificate) -> bool:
    """Put the device on the allow-list of a deployed stage; whether the stage has one.

    A list that the app does not make itself is made.
    """
    wanted = _list_of(record)
    if wanted is None:
        return False
    make_list(aws, record)
    wanted = {**wanted, "name": _deployed_name(aws, record, wanted["name"])}
    put = _into_parameter if wanted["type"] == "PARAMETER" else _into_table
    put(
        aws,
        record,
        wanted,
        device.certificate_id if wanted["by"] == "FINGERPRINT" else _serial_number(device),
    )
    return True


def decisions_on(aws: LocalAws, account: str, region: str, certificate_id: str) -> list[dict[str, Any]]:
    """What was decided on a device certificate, in order."""
    return decisions_in(aws, account, region).get(certificate_id, [])


def decisions_in(aws: LocalAws, account: str, region: str) -> dict[str, list[dict[str, Any]]]:
    """What was decided on each device certificate, by its id, in order: the lines that the Lambda logged."""
    logs = aws.client("logs", account=account, region=region)
    found: dict[str, list[dict[str, Any]]] = {}
    for groups in logs.get_paginator("describe_log_groups").paginate():
        for group in groups["logGroups"]:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            messages = [event["message"] for page in pages for event in page["events"]]
            lines = [line for message in messages for line in message.splitlines()]
            for line in lines:
                if line.startswith("{") and '"decision": ' in line:
                    decision = json.loads(line)
                    found.setdefault(decision.get("certificateId", ""), []).append(decision)
    return found


def _deployed_name(aws: LocalAws, record: RegistrationRecord, name: str | Mapping[str, str]) -> str:
    """The list's name; of one that the registration's own stack makes, as it was deployed."""
    if isinstance(name, str):
        return name
    if set(name) != {"Ref"}:
        raise RehearsalError(
            f"the allow-list of {record.label} is another stack's, and its name is not known before the deployment",
            value=dict(name),
            fix="give the list a literal name, or make it in the registration's stack",
        )
    cloudformation = aws.client("cloudformation", account=record.account, region=record.region)
    found = cloudformation.describe_stack_resource(
        StackName=record.stack_name, LogicalResourceId=name["Ref"]
    )["StackResourceDetail"]
    physical: str = found["PhysicalResourceId"]
    return physical


def _list_of(record: RegistrationRecord) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = ((record.enrollment or {}).get("admission") or {}).get("list")
    return found


def _make_parameter(aws: LocalAws, record: RegistrationRecord, wanted: Mapping[str, str]) -> None:
    ssm = aws.client("ssm", account=record.account, region=record.region)
    try:
        ssm.get_parameter(Name=wanted["name"])
    except ssm.exceptions.ParameterNotFound:
        # A parameter is never empty; this names nobody.
        ssm.put_parameter(Name=wanted["name"], Type="StringList", Value="none")


def _make_table(aws: LocalAws, record: RegistrationRecord, wanted: Mapping[str, str]) -> None:
    dynamodb = aws.client("dynamodb", account=record.account, region=record.region)
    key = wanted["key"]
    with contextlib.suppress(dynamodb.exceptions.ResourceInUseException):  # then the app made it
        dynamodb.create_table(
            TableName=wanted["name"],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    dynamodb.get_waiter("table_exists").wait(TableName=wanted["name"])


def _into_parameter(aws: LocalAws, record: RegistrationRecord, wanted: Mapping[str, str], entry: str) -> None:
    ssm = aws.client("ssm", account=record.account, region=record.region)
    held = ssm.get_parameter(Name=wanted["name"])["Parameter"]
    value = f"{held['Value']},{entry}"
    ssm.put_parameter(Name=wanted["name"], Type=held["Type"], Value=value, Overwrite=True)


def _into_table(aws: LocalAws, record: RegistrationRecord, wanted: Mapping[str, str], entry: str) -> None:
    dynamodb = aws.client("dynamodb", account=record.account, region=record.region)
    dynamodb.put_item(TableName=wanted["name"], Item={wanted["key"]: {"S": entry}})


def _serial_number(device: DeviceCertificate) -> str:
    return f"{x509.load_pem_x509_certificate(device.pem.encode()).serial_number:x}"
