"""The assumptions, each with what tries it. A row of docs/aws-assumptions.md each."""

from __future__ import annotations

import functools
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from cryptography import x509

from iot_multiaccount_ca.local.device import Device
from iot_multiaccount_ca.model.bootstrap import DEFAULT_QUALIFIER, lookup_role_name
from iot_multiaccount_ca.model.target import Target

from .room import TEMPLATE, deregistration, device_state, until
from .stack_checks import import_of, set_of_one

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_multiaccount_ca.local.device import DeviceCertificate

    from .accounts import Account
    from .room import Ca, Room

#: How long a device may take to be known, or to be provisioned.
_KNOWN_WITHIN = 30.0
#: What the library has a sentence for.
_SECOND_OWNER = (
    "ResourceAlreadyExistsException",
    "InvalidRequestException",
    "CertificateValidationException",
)


@dataclass(frozen=True)
class Finding:
    """What was seen. ``as_assumed``: `None` where it could not be tried here."""

    seen: str
    as_assumed: bool | None


@dataclass(frozen=True)
class Check:
    """One assumption, by the name it has in the docs."""

    assumption: str
    attempt: Callable[[Room, Account, Account], Finding]


def _ids(room: Room, one: Account, _: Account) -> Finding:
    ca = room.ca()
    same = room.register(one, ca) == ca.digest
    return Finding("it is" if same else "it is not", same)


def _modes(room: Room, one: Account, two: Account) -> Finding:
    ca = room.ca()
    room.register(one, ca, "DEFAULT")
    room.register(two, ca)
    modes = [
        each.iot.describe_ca_certificate(certificateId=ca.digest)["certificateDescription"]["certificateMode"]
        for each in (one, two)
    ]
    return Finding(" and ".join(modes), modes == ["DEFAULT", "SNI_ONLY"])


def _second_owner(room: Room, one: Account, two: Account) -> Finding:
    ca = room.ca()
    room.register(one, ca, "DEFAULT")
    try:
        room.register(two, ca, "DEFAULT")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return Finding(f"{code}: {error.response['Error']['Message']}", code in _SECOND_OWNER)
    return Finding("it is let through", False)


def _exists(room: Room, one: Account, _: Account) -> Finding:
    ca = room.ca()
    certificate_id = room.register(one, ca)
    try:
        room.register(one, ca)
    except ClientError as error:
        code, told = error.response["Error"]["Code"], error.response.get("resourceId")
        right = code == "ResourceAlreadyExistsException" and told == certificate_id
        return Finding(f"{code}, resourceId {'told' if told else 'not told'}", right)
    return Finding("it is let through", False)


def _remove_auto_registration(room: Room, one: Account, _: Account) -> Finding:
    ca = room.ca()
    config = {"templateName": room.template(one)}
    certificate_id = room.register(one, ca, allowAutoRegistration=True, registrationConfig=config)
    one.iot.update_ca_certificate(certificateId=certificate_id, removeAutoRegistration=True)
    answer = one.iot.describe_ca_certificate(certificateId=certificate_id)
    status = answer["certificateDescription"].get("autoRegistrationStatus")
    held = answer.get("registrationConfig")
    return Finding(f"auto-registration {status}, configuration {held or 'gone'}", not held)


def _pass_role(room: Room, one: Account, _: Account) -> Finding:
    ca, config = room.ca(), {"templateName": room.template(one)}
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
    }
    role = room.role(one, one.account_id, policy)
    client = until(lambda: _client_of(one, role), "the new role can be assumed")
    try:
        room.register(one, ca, iot=client, allowAutoRegistration=True, registrationConfig=config)
    except ClientError as error:
        # The library grants it in any case.
        return Finding(f"asked for ({error.response['Error']['Code']})", True)
    return Finding("not asked for", True)


def _update_in_use(room: Room, one: Account, _: Account) -> Finding:
    ca, config = room.ca(), {"templateName": room.template(one)}
    certificate_id = room.register(one, ca, allowAutoRegistration=True, registrationConfig=config)
    before = _settings(one, certificate_id)
    one.iot.update_ca_certificate(certificateId=certificate_id, registrationConfig=config)
    if _settings(one, certificate_id) != before:
        return Finding("it changes the registration", False)
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
    }
    role = room.role(one, one.account_id, policy)
    client = until(lambda: _client_of(one, role), "the new role can be assumed")
    try:
        client.update_ca_certificate(certificateId=certificate_id, registrationConfig=config)
    except ClientError as error:
        return Finding(f"it changes nothing, and asks ({error.response['Error']['Code']})", True)
    return Finding("it changes nothing, and does not ask", False)


def _settings(account: Account, certificate_id: str) -> tuple[Any, ...]:
    answer = account.iot.describe_ca_certificate(certificateId=certificate_id)
    held = answer["certificateDescription"]
    return held["status"], held["autoRegistrationStatus"], answer["registrationConfig"]


def _unknown_stack(_: Room, one: Account, __: Account) -> Finding:
    stack = Target(one.partition, one.account_id, one.region).arn(
        "cloudformation", f"stack/iot-ca-verify/{uuid.uuid4()}"
    )
    try:
        one.make_client("cloudformation").describe_stacks(StackName=stack)
    except ClientError as error:
        code, said = error.response["Error"]["Code"], error.response["Error"]["Message"]
        return Finding(f"{code}: {said}", code == "ValidationError" and "does not exist" in said)
    return Finding("it is known", False)


def _client_of(account: Account, role: str) -> Any:
    try:
        client = account.as_role(role)("iot")
        client.list_ca_certificates(pageSize=1)
    except ClientError:
        return None
    return client


def _device_mode(room: Room, one: Account, _: Account) -> Finding:
    ca = room.ca()
    certificate_id = room.register(one, ca, allowAutoRegistration=True)
    device = ca.device()
    room.knock(one, device)
    before = until(lambda: device_state(one, device), "the device is known", patience=_KNOWN_WITHIN)
    for step in deregistration(one, certificate_id):
        step()
    room.register(one, ca, "DEFAULT", allowAutoRegistration=True)
    after = device_state(one, device) or {}
    modes = (before.get("certificateMode"), after.get("certificateMode"))
    return Finding(f"{modes[0]}, then {modes[1]}", modes[0] == modes[1])


def _device_outlives_its_ca(room: Room, one: Account, _: Account) -> Finding:
    ca = room.ca()
    config = {"templateName": room.template(one)}
    certificate_id = room.register(one, ca, allowAutoRegistration=True, registrationConfig=config)
    device = ca.device()
    room.knock(one, device)
    until(functools.partial(_is_active, one, device), "the device is provisioned")
    for step in deregistration(one, certificate_id):
        step()
    with Device(device, one.broker, one.endpoint, client_id=device.common_name) as connection:
        outcome = connection.connect()
    # Without a policy it may be cut off after the handshake, which says nothing: its certificate counts.
    stays = _is_active(one, device)
    return Finding(f"the certificate is {'ACTIVE' if stays else 'gone'}; it is {outcome.value}", stays)


def _import(room: Room, one: Account, _: Account) -> Finding:
    status = import_of(room, one)
    return Finding(status, status == "IMPORT_COMPLETE")


def _set_of_one(room: Room, one: Account, _: Account) -> Finding:
    status = set_of_one(room, one)
    return Finding(status, status == "CURRENT")


def _one_device_in_both(room: Room, one: Account, two: Account) -> Finding:
    ca = room.ca()
    for each in (one, two):
        config = {"templateName": room.template(each)}
        room.register(each, ca, allowAutoRegistration=True, registrationConfig=config)
    device = ca.device()
    for each in (one, two):
        room.knock(each, device)
        until(functools.partial(_is_active, each, device), f"ACTIVE in {each.account_id}")
    return Finding("ACTIVE in both", True)


def _is_active(account: Account, device: Any) -> bool:
    return (device_state(account, device) or {}).get("status") == "ACTIVE"


def _without_sni(room: Room, one: Account, two: Account) -> Finding:
    ca = room.ca()
    room.register(one, ca, "DEFAULT", allowAutoRegistration=True)
    room.register(two, ca, allowAutoRegistration=True)
    device = ca.device()
    room.knock(two, device, sni=False, others=(one,))
    try:
        found = until(
            lambda: [name for name, each in (("owner", one), ("other", two)) if device_state(each, device)],
            "the device is known",
            patience=_KNOWN_WITHIN,
        )
    except TimeoutError:
        return Finding("it reaches nobody", False)
    words = {"owner": "the DEFAULT owner", "other": "the account that it dialled"}
    return Finding(f"it reaches {' and '.join(words[each] for each in found)}", found == ["owner"])


def _source_account(room: Room, one: Account, _: Account) -> Finding:
    condition = {"Condition": {"StringEquals": {"aws:SourceAccount": one.account_id}}}
    ca = room.ca()
    config = {"templateName": room.template(one, **condition)}
    room.register(one, ca, allowAutoRegistration=True, registrationConfig=config)
    device = ca.device()
    room.knock(one, device)
    try:
        until(lambda: _is_active(one, device), "the device is provisioned", patience=_KNOWN_WITHIN)
    except TimeoutError:
        return Finding("it is not filled: no device is provisioned", True)
    # The library's trust policy does not ask for it, so either is right.
    return Finding("it is filled", True)


def _provisioned(
    room: Room,
    one: Account,
    ca: Ca,
    device: DeviceCertificate,
    body: dict[str, Any],
    thing: str | None = None,
) -> bool:
    """Whether a template of this body makes the device ACTIVE; ``thing``: what else it makes."""
    config = {"templateName": room.template(one, body)}
    room.register(one, ca, allowAutoRegistration=True, registrationConfig=config)
    room.knock(one, device, thing=thing)
    try:
        until(lambda: _is_active(one, device), "the device is provisioned", patience=_KNOWN_WITHIN)
    except TimeoutError:
        return False
    return True


def _serial_number(room: Room, one: Account, _: Account) -> Finding:
    ca, parameter = room.ca(), "AWS::IoT::Certificate::SerialNumber"
    device = ca.device()
    properties = {"ThingName": device.common_name, "AttributePayload": {"serial": {"Ref": parameter}}}
    thing = {"Type": "AWS::IoT::Thing", "Properties": properties}
    body = {
        "Parameters": {**TEMPLATE["Parameters"], parameter: {"Type": "String"}},
        "Resources": {**TEMPLATE["Resources"], "thing": thing},
    }
    if not _provisioned(room, one, ca, device, body, thing=device.common_name):
        return Finding("no device is provisioned", False)
    seen = one.iot.describe_thing(thingName=device.common_name)["attributes"].get("serial", "")
    number = x509.load_pem_x509_certificate(device.pem.encode()).serial_number
    if seen == str(number):
        return Finding("the certificate's, in decimal", True)
    if seen.lower().replace(":", "").lstrip("0") == f"{number:x}":
        return Finding(f"the certificate's, in hexadecimal: {seen}", False)
    return Finding(f"another value: {seen!r}", False)


def _escapes(room: Room, one: Account, _: Account) -> Finding:
    ca, parameter = room.ca(), "AWS::IoT::Certificate::CommonName"
    device = ca.device("=1")
    name = device.common_name.removesuffix("=1")
    # An attribute may have an equals sign (the service model has it), and no backslash: look whether it may here.
    room.thing(one, f"{name}-probe", {"value": device.common_name})
    properties = {"ThingName": name, "AttributePayload": {"value": {"Ref": parameter}}}
    body = {
        "Parameters": {**TEMPLATE["Parameters"], parameter: {"Type": "String"}},
        "Resources": {
            **TEMPLATE["Resources"],
            "thing": {"Type": "AWS::IoT::Thing", "Properties": properties},
        },
    }
    if not _provisioned(room, one, ca, device, body, thing=name):
        return Finding("with them: the attribute with = is refused", True)
    seen = one.iot.describe_thing(thingName=name)["attributes"].get("value", "")
    return Finding(f"{device.common_name} arrives as {seen}", "\\=" in seen)


def _undeclared_id(room: Room, one: Account, _: Account) -> Finding:
    ca = room.ca()
    passed = _provisioned(room, one, ca, ca.device(), {"Parameters": {}, "Resources": TEMPLATE["Resources"]})
    return Finding("it is passed" if passed else "no device is provisioned", passed)


def _lookup_role(_: Room, one: Account, __: Account) -> Finding:
    name = lookup_role_name(DEFAULT_QUALIFIER, one.account_id, one.region)
    role = Target(one.partition, one.account_id, one.region).arn("iam", f"role/{name}")
    try:
        client = one.as_role(role)("iot")
    except ClientError as error:
        return Finding(f"not tried: {role} ({error.response['Error']['Code']})", None)
    try:
        client.get_registration_code()
    except ClientError as error:
        return Finding(f"it may not ({error.response['Error']['Code']}); give another --role-name", False)
    return Finding("it may", True)


def _via_service(_: Room, one: Account, __: Account) -> Finding:
    return Finding(f"not tried: the accounts are in the partition {one.partition}", None)


CHECKS = (
    Check("a CA's id is the SHA-256 of its DER", _ids),
    Check("one account holds a CA in DEFAULT mode, and others beside it in SNI_ONLY mode", _modes),
    Check("which error a second DEFAULT account of a region gets", _second_owner),
    Check("a CA that is registered already is named in the error", _exists),
    Check("what `removeAutoRegistration` leaves of auto-registration", _remove_auto_registration),
    Check("whether RegisterCACertificate with a template's name asks for iam:PassRole", _pass_role),
    Check(
        "UpdateCACertificate with the template that is in use changes nothing, and asks for iam:PassRole on its role",
        _update_in_use,
    ),
    Check(
        'CloudFormation calls a stack that it no longer knows ValidationError, "does not exist"',
        _unknown_stack,
    ),
    Check("device certificates keep their mode when the CA's changes", _device_mode),
    Check("a device that is registered stays so when its CA is deregistered", _device_outlives_its_ca),
    Check("a registration can be imported into a stack as AWS::IoT::CACertificate", _import),
    Check("a stack set registers a CA in an account, without the CDK's bootstrap", _set_of_one),
    Check("one device certificate is provisioned in both accounts", _one_device_in_both),
    Check("a device without SNI reaches the DEFAULT owner", _without_sni),
    Check("whether JITP fills aws:SourceAccount", _source_account),
    Check("JITP passes the certificate's serial number as SerialNumber, in decimal", _serial_number),
    Check("JITP passes a subject's value with the escapes of RFC 2253", _escapes),
    Check("JITP passes AWS::IoT::Certificate::Id to a template that does not declare it", _undeclared_id),
    Check("CDK's lookup role may call GetRegistrationCode", _lookup_role),
    Check("the form of `kms:ViaService` in aws-cn", _via_service),
)
