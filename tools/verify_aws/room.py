"""What a check makes in the accounts, and takes away again, whatever happens."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iot_multiaccount_ca.local.device import Device, DeviceError, issue_device_certificate
from iot_multiaccount_ca.model.jitp.template_body import PROVISIONING_POLICY
from iot_multiaccount_ca.model.target import managed_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from iot_multiaccount_ca.local.device import DeviceCertificate

    from .accounts import Account

_PATIENCE = 60.0
_POLL = 2.0
#: The least that provisions a device: its certificate becomes ACTIVE.
TEMPLATE: dict[str, Any] = {
    "Parameters": {"AWS::IoT::Certificate::Id": {"Type": "String"}},
    "Resources": {
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"},
        }
    },
}


@dataclass(frozen=True)
class Ca:
    """A CA of this run; its key never leaves the process."""

    pem: str
    key: ec.EllipticCurvePrivateKey

    @property
    def digest(self) -> str:
        """SHA-256 of its DER, 64 hex digits."""
        return x509.load_pem_x509_certificate(self.pem.encode()).fingerprint(hashes.SHA256()).hex()

    def device(self, end: str = "") -> DeviceCertificate:
        """A new device of its; ``end``: of its common name."""
        return issue_device_certificate(self.pem, self.key, f"iot-ca-verify-{secrets.token_hex(4)}{end}")


class Room:
    """One check's things. Leaving it removes every one, the last first; what cannot be removed is in ``left``."""

    def __init__(self, left: list[str]) -> None:
        self._left = left
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def later(self, what: str, *steps: Callable[[], Any]) -> None:
        """Do this on leaving; a step that finds nothing is done."""

        def remove() -> None:
            for step in steps:
                try:
                    step()
                except ClientError as error:
                    code = error.response["Error"]["Code"]
                    if code not in ("ResourceNotFoundException", "NoSuchEntity"):
                        self._left.append(f"{what} ({code})")

        self._stack.callback(remove)

    def ca(self) -> Ca:
        """A CA for a day."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"iot-ca-verify {secrets.token_hex(4)}")])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return Ca(certificate.public_bytes(serialization.Encoding.PEM).decode(), key)

    def register(
        self, account: Account, ca: Ca, mode: str = "SNI_ONLY", *, iot: Any = None, **how: Any
    ) -> str:
        """Register the CA, ACTIVE; its id. ``iot``: another client than the account's own."""
        if mode == "DEFAULT":
            code = account.iot.get_registration_code()["registrationCode"]
            how["verificationCertificate"] = issue_device_certificate(ca.pem, ca.key, code).pem
        answer = (iot or account.iot).register_ca_certificate(
            caCertificate=ca.pem, certificateMode=mode, setAsActive=True, **how
        )
        certificate_id = str(answer["certificateId"])
        self.later(f"the CA {certificate_id}", *deregistration(account, certificate_id))
        return certificate_id

    def role(self, account: Account, service: str, policy: dict[str, Any] | None, **condition: Any) -> str:
        """A role that a service (or the account itself, by its id) may assume; its ARN."""
        iam, name = account.make_client("iam"), f"iot-ca-verify-{secrets.token_hex(4)}"
        principal = {"AWS" if service == account.account_id else "Service": service}
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **condition}
        document = {"Version": "2012-10-17", "Statement": [trust]}
        arn = str(
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
        )
        self.later(f"the role {name}", lambda: iam.delete_role(RoleName=name))
        if policy is None:
            managed = managed_policy(account.partition, PROVISIONING_POLICY)
            iam.attach_role_policy(RoleName=name, PolicyArn=managed)
            self.later(
                f"a policy of {name}", lambda: iam.detach_role_policy(RoleName=name, PolicyArn=managed)
            )
        else:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
            self.later(f"a policy of {name}", lambda: iam.delete_role_policy(RoleName=name, PolicyName="p"))
        return arn

    def template(self, account: Account, body: dict[str, Any] | None = None, **condition: Any) -> str:
        """A JITP template that makes certificates ACTIVE; its name. ``condition``: on the trust in AWS IoT."""
        name = f"iot-ca-verify-{secrets.token_hex(4)}"
        role = self.role(account, "iot.amazonaws.com", None, **condition)
        asked = {
            "templateName": name,
            "templateBody": json.dumps(body or TEMPLATE),
            "provisioningRoleArn": role,
            "enabled": True,
            "type": "JITP",
        }
        until(lambda: self._made(account, asked), "AWS IoT may use the new role")
        self.later(
            f"the template {name}", lambda: account.iot.delete_provisioning_template(templateName=name)
        )
        return name

    def thing(self, account: Account, name: str, attributes: dict[str, str]) -> None:
        """A thing with attributes."""
        account.iot.create_thing(thingName=name, attributePayload={"attributes": attributes})
        self.later(f"the thing {name}", lambda: account.iot.delete_thing(thingName=name))

    def attached(self, account: Account, device: DeviceCertificate, thing: str) -> None:
        """The thing that a template made for a device that has knocked: it goes before the device does."""
        iot = account.iot
        certificate = iot.describe_certificate(certificateId=device.certificate_id)["certificateDescription"]
        self.later(
            f"the thing {thing}",
            lambda: iot.detach_thing_principal(thingName=thing, principal=certificate["certificateArn"]),
            lambda: iot.delete_thing(thingName=thing),
        )

    def _made(self, account: Account, asked: dict[str, Any]) -> bool:
        try:
            account.iot.create_provisioning_template(**asked)
        except ClientError as error:
            # A role that was made a moment ago is not known everywhere.
            if error.response["Error"]["Code"] == "InvalidRequestException":
                return False
            raise
        return True

    def knock(
        self,
        account: Account,
        device: DeviceCertificate,
        *,
        sni: bool = True,
        others: tuple[Account, ...] = (),
    ) -> None:
        """The device connects once; what AWS IoT then knows of it, here or in the others, is removed on leaving."""
        for each in (account, *others):
            self.later(
                f"the device certificate {device.certificate_id}",
                *device_removal(each, device.certificate_id),
            )
        name = account.endpoint if sni else None
        # Without a name it may well be refused: that is what is looked for.
        with (
            contextlib.nullcontext() if sni else contextlib.suppress(DeviceError),
            Device(device, account.broker, name, client_id=device.common_name) as connection,
        ):
            connection.connect()


def deregistration(account: Account, certificate_id: str) -> tuple[Callable[[], Any], ...]:
    """The calls that take a CA away."""
    asked = {"certificateId": certificate_id}
    return (
        lambda: account.iot.update_ca_certificate(**asked, newStatus="INACTIVE"),
        lambda: account.iot.delete_ca_certificate(**asked),
    )


def device_removal(account: Account, certificate_id: str) -> tuple[Callable[[], Any], ...]:
    """The calls that take a device certificate away."""
    asked = {"certificateId": certificate_id}
    return (
        lambda: account.iot.update_certificate(**asked, newStatus="INACTIVE"),
        lambda: account.iot.delete_certificate(**asked, forceDelete=True),
    )


def device_state(account: Account, device: DeviceCertificate) -> dict[str, Any] | None:
    """What AWS IoT knows of a device certificate, or `None`."""
    try:
        answer = account.iot.describe_certificate(certificateId=device.certificate_id)
    except account.iot.exceptions.ResourceNotFoundException:
        return None
    description: dict[str, Any] = answer["certificateDescription"]
    return description


def until(condition: Callable[[], Any], what: str, *, patience: float = _PATIENCE) -> Any:
    """The condition's value once it is true; raises `TimeoutError` when patience ends."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {patience:.0f} s: {what}")
        time.sleep(_POLL)
