"""What a check makes in the accounts, and takes away again, whatever happens."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iot_multiaccount_ca.local.device import Device, DeviceError, issue_device_certificate
from iot_multiaccount_ca.model.jitp.template_body import PROVISIONING_POLICY
from iot_multiaccount_ca.model.target import Target, managed_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from iot_multiaccount_ca.local.device import DeviceCertificate

    from .accounts import Account

_PATIENCE = 60.0
_POLL = 2.0
_NOT_THERE = ("ResourceNotFoundException", "NoSuchEntity", "StackSetNotFoundException")
# A create that botocore sent again, since its first answer was lost, finds what that one made.
_THERE = (
    "AlreadyExistsException",
    "EntityAlreadyExists",
    "NameAlreadyExistsException",
    "ResourceAlreadyExistsException",
)
_REMOVING = "\nremoving what was made; Ctrl-C again leaves it there, and lists it"
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


class NotRemovedError(Exception):
    """AWS took a removal on, and did not carry it out; the message says how it ended."""


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


@dataclass(frozen=True)
class _Made:
    """Something that was made, or may have been, and the calls that take it away."""

    what: str
    removal: tuple[Callable[[], Any], ...]


class Room:
    """One check's things. Leaving it removes every one, the last first; what is not removed is in ``left``.

    A thing is written down before it is made: a create whose answer was lost may have made it all the same, and its
    removal looks for it.
    """

    def __init__(self, left: list[str]) -> None:
        self._left = left
        self._made: list[_Made] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ended = kind is not None and issubclass(kind, KeyboardInterrupt)
        if ended and self._made:
            tell(_REMOVING)
        try:
            while self._made:
                try:
                    self._remove(self._made[-1])
                except KeyboardInterrupt:
                    if ended:
                        raise
                    ended = True  # the first one: what it was about to remove is removed all the same
                    tell(_REMOVING)
                else:
                    self._made.pop()
        finally:
            self._left += [f"{each.what} (not removed)" for each in reversed(self._made)]
        if ended and kind is None:
            raise KeyboardInterrupt

    def later(self, account: Account, what: str, *removal: Callable[[], Any]) -> None:
        """Do this on leaving; a step that finds nothing is done."""
        self._made.append(_Made(f"{what} in {account.account_id}, {account.region}", removal))

    def make(
        self, account: Account, what: str, create: Callable[[], Any], *removal: Callable[[], Any]
    ) -> Any:
        """Make it, and remove it on leaving, unless AWS says that it made nothing."""
        self.later(account, what, *removal)
        try:
            return create()
        except ClientError as error:
            said = error.response["ResponseMetadata"]
            # Where botocore asked more than once, the refusal is of the last time: an earlier one may have made it.
            refused = said["HTTPStatusCode"] < 500 and not said.get("RetryAttempts")
            if refused and _code(error) not in _THERE:
                self._made.pop()
            raise

    def _remove(self, made: _Made) -> None:
        for step in made.removal:
            try:
                step()
            except ClientError as error:
                if _code(error) not in _NOT_THERE:
                    self._left.append(f"{made.what} ({_code(error)})")
            except NotRemovedError as error:
                self._left.append(f"{made.what} ({error})")
            except (BotoCoreError, TimeoutError) as error:
                self._left.append(f"{made.what} ({type(error).__name__})")
                return  # its other steps fare no better

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
        ids: list[str] = []

        def create() -> str:
            answer = (iot or account.iot).register_ca_certificate(
                caCertificate=ca.pem, certificateMode=mode, setAsActive=True, **how
            )
            ids.append(str(answer["certificateId"]))
            return ids[0]

        def remove() -> None:
            for each in ids or registered_as(account, ca):
                for step in deregistration(account, each):
                    step()

        made: str = self.make(account, f"the CA {ca.digest}", create, remove)
        return made

    def role(self, account: Account, service: str, policy: dict[str, Any] | None, **condition: Any) -> str:
        """A role that a service (or the account itself, by its id) may assume; its ARN."""
        iam, name = account.make_client("iam"), f"iot-ca-verify-{secrets.token_hex(4)}"
        principal = {"AWS" if service == account.account_id else "Service": service}
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **condition}
        document = {"Version": "2012-10-17", "Statement": [trust]}
        made = self.make(
            account,
            f"the role {name}",
            lambda: iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document)),
            lambda: iam.delete_role(RoleName=name),
        )
        if policy is None:
            attached = {"RoleName": name, "PolicyArn": managed_policy(account.partition, PROVISIONING_POLICY)}
            create, remove = (
                lambda: iam.attach_role_policy(**attached),
                lambda: iam.detach_role_policy(**attached),
            )
        else:
            inline = {"RoleName": name, "PolicyName": "p"}
            create, remove = (
                lambda: iam.put_role_policy(**inline, PolicyDocument=json.dumps(policy)),
                lambda: iam.delete_role_policy(**inline),
            )
        self.make(account, f"a policy of {name}", create, remove)
        return str(made["Role"]["Arn"])

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
        self.later(
            account,
            f"the template {name}",
            lambda: account.iot.delete_provisioning_template(templateName=name),
        )
        until(lambda: _is_made(account, asked), "AWS IoT may use the new role")
        return name

    def thing(self, account: Account, name: str, attributes: dict[str, str]) -> None:
        """A thing with attributes."""
        iot = account.iot
        self.make(
            account,
            f"the thing {name}",
            lambda: iot.create_thing(thingName=name, attributePayload={"attributes": attributes}),
            lambda: iot.delete_thing(thingName=name),
        )

    def knock(
        self,
        account: Account,
        device: DeviceCertificate,
        *,
        sni: bool = True,
        others: tuple[Account, ...] = (),
        thing: str | None = None,
    ) -> None:
        """The device connects once; what AWS IoT then knows of it, here or in the others, is removed on leaving.

        ``thing``: what the template makes for it. It goes before the device does.
        """
        for each in (account, *others):
            self.later(
                each,
                f"the device certificate {device.certificate_id}",
                *device_removal(each, device.certificate_id),
            )
        if thing is not None:
            held = {"thingName": thing, "principal": _arn(account, device)}
            self.later(
                account,
                f"the thing {thing}",
                lambda: account.iot.detach_thing_principal(**held),
                lambda: account.iot.delete_thing(thingName=thing),
            )
        name = account.endpoint if sni else None
        # Without a name it may well be refused: that is what is looked for.
        with (
            contextlib.nullcontext() if sni else contextlib.suppress(DeviceError),
            Device(device, account.broker, name, client_id=device.common_name) as connection,
        ):
            connection.connect()


def tell(*lines: str) -> None:
    """Say it on stderr; where nobody reads that any more (``2>&1 | tee`` ends with Ctrl-C, too), on the terminal.

    It never fails: what is said here stands between a person and what an account still holds.
    """
    shown = "".join(f"{line}\n" for line in lines)
    try:
        sys.stderr.write(shown)
        sys.stderr.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError), Path("/dev/tty").open("w", encoding="utf-8") as terminal:
            terminal.write(shown)


def _is_made(account: Account, asked: dict[str, Any]) -> bool:
    try:
        account.iot.create_provisioning_template(**asked)
    except ClientError as error:
        # A role that was made a moment ago is not known everywhere.
        if _code(error) == "InvalidRequestException":
            return False
        raise
    return True


def _arn(account: Account, device: DeviceCertificate) -> str:
    target = Target(account.partition, account.account_id, account.region)
    return target.arn("iot", f"cert/{device.certificate_id}")


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def registered_as(account: Account, ca: Ca) -> list[str]:
    """The ids under which an account has a CA: one, or none. That it is the digest is only assumed."""
    iot = account.iot
    found, asked = [ca.digest], {"pageSize": 250}
    while True:
        page = iot.list_ca_certificates(**asked)
        found += [each["certificateId"] for each in page["certificates"]]
        if not page.get("nextMarker"):
            break
        asked["marker"] = page["nextMarker"]
    for each in found:
        with contextlib.suppress(iot.exceptions.ResourceNotFoundException):
            described = iot.describe_ca_certificate(certificateId=each)["certificateDescription"]
            if described["certificatePem"].split() == ca.pem.split():
                return [each]
    return []


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
