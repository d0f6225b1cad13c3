"""The body of a JITP provisioning template as a value: read, linted, filled per stage. Applies nothing."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import JsonError, TemplateNotJsonError, TemplateTooLongError, UnknownPlaceholderError
from .. import strict_json
from ..target import check_account, check_region, partition_of
from .lint import lint, with_text_policies
from .placeholders import WRITTEN, fill, unknown_placeholder
from .template_rules import check_body

if TYPE_CHECKING:
    import datetime as dt
    import os
    from collections.abc import Mapping

    from cryptography import x509

    from ..ca.certificate import CaCertificate
    from .findings import Finding
    from .simulation import Provisioning
    from .simulation.device import DeviceCertificate

LONGEST_BODY = 10_240
#: What AWS manages for the role that devices are provisioned with.
PROVISIONING_POLICY = "service-role/AWSIoTThingsRegistration"
#: What the role says of itself.
ROLE_DESCRIPTION = "What AWS IoT provisions devices with (iot-multiaccount-ca)"
#: What ``{{account}}`` and ``{{region}}`` are in a dry run that is told neither: AWS's own example account.
STAND_IN_ACCOUNT, STAND_IN_REGION = "123456789012", "us-east-1"


@dataclass(frozen=True, slots=True)
class JitpTemplateBody:
    """A linted JITP template body. Make one with `from_file` or `from_dict`; a body given as ``text`` is linted too.

    ``{{account}}``, ``{{region}}`` and ``{{partition}}`` in it are filled for each stage at synth. Everything that AWS
    IoT would refuse, or that could never provision a device, raises a `ProvisioningTemplateError`.

    Args:
        text: the body as JSON, placeholders unfilled; held as compact JSON, a policy document that was given as an
            object as text.

    ``warnings``: what holds for every device and is not an error, such as a policy that allows everything. See
    "Just-in-time provisioning" in the AWS IoT developer guide for the format.
    """

    text: str = field(repr=False)
    warnings: tuple[Finding, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lint the body, and hold it in one form: compact JSON."""
        body = with_text_policies(_parse(self.text))
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        _check_placeholders(text)
        check_body(body)
        # The widest that any stage makes of it; what a stage really gets is checked again in resolve.
        _check_length(text)
        _, warnings = _linted(_fill(text, STAND_IN_ACCOUNT, STAND_IN_REGION, partition_of(STAND_IN_REGION)))
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "warnings", warnings)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> JitpTemplateBody:
        """Read the body from a JSON file.

        Args:
            path: relative to the working directory, as with `open`.
        """
        try:
            return cls.from_dict(strict_json.read(path, what=f"the JITP template {path}"))
        except JsonError as error:
            raise TemplateNotJsonError.of(error) from error

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> JitpTemplateBody:
        """Take the body from a dict, such as a template written in Python.

        Args:
            body: the template, of what JSON knows.
        """
        try:
            text = json.dumps(body)
        except (TypeError, ValueError, RecursionError) as error:
            raise TemplateNotJsonError(f"the JITP template holds what JSON cannot: {error}") from None
        return cls(text)

    @property
    def body(self) -> dict[str, Any]:
        """The parsed body, placeholders unfilled; a new dict at every call."""
        parsed: dict[str, Any] = json.loads(self.text)
        return parsed

    def resolve(self, *, account: str, region: str, partition: str) -> str:
        """The body as JSON text with the placeholders filled for one stage: at most 10,240 characters.

        Args:
            account: of the stage, 12 digits.
            region: of the stage, such as ``eu-west-1``.
            partition: of the stage, such as ``aws``.
        """
        return _fill(self.text, account, region, partition)

    def resolved_body(
        self, *, account: str | None = None, region: str | None = None, partition: str | None = None
    ) -> dict[str, Any]:
        """The body for one stage, linted and parsed, for many dry runs. Not to be changed: it is parsed once.

        Args:
            account: 12 digits; by default ``123456789012``.
            region: by default ``us-east-1``.
            partition: by default the region's.
        """
        account, region = account or STAND_IN_ACCOUNT, region or STAND_IN_REGION
        check_account(account, where="the dry run")
        check_region(region, where="the dry run")
        filled = self.resolve(account=account, region=region, partition=partition or partition_of(region))
        body, _ = _linted(filled)
        return body

    def render(
        self,
        device_certificate: DeviceCertificate,
        *,
        account: str | None = None,
        region: str | None = None,
        partition: str | None = None,
        ca_certificate: CaCertificate | x509.Certificate | None = None,
        now: dt.datetime | None = None,
    ) -> Provisioning:
        """The dry run: what JITP would do with a device of this certificate, offline.

        Args:
            device_certificate: PEM text, the bytes of a file, a path, or an ``x509.Certificate``; of a chain the one
                that issued no other.
            account: 12 digits; by default ``123456789012``.
            region: by default ``us-east-1``.
            partition: by default the region's.
            ca_certificate: of the CA that should have signed it, to check the chain too; by default it is not checked.
            now: when the device connects, an aware time; by default the clock's.

        Raises `UnreadableDeviceCertificateError` where there is no certificate, and a `StageError` for an account or
        region that cannot be; what stands in the device's way is among the answer's ``findings``.
        """
        # Here, so that a synth without a dry run loads none of it.
        from .simulation import dry_run, read_one_device

        body = self.resolved_body(account=account, region=region, partition=partition)
        read = read_one_device(device_certificate)
        return dry_run(body, read.devices[0], ca_certificate=ca_certificate, now=now, others=read.others)


def _parse(text: object) -> dict[str, Any]:
    if not isinstance(text, str):
        raise TemplateNotJsonError(
            "the JITP template is not text", value=type(text).__name__, allowed="a JSON object as text"
        )
    try:
        body = strict_json.parse(text, what="the JITP template")
    except JsonError as error:
        raise TemplateNotJsonError.of(error) from error
    if not isinstance(body, dict):
        raise TemplateNotJsonError(
            "the JITP template is not a JSON object",
            value=type(body).__name__,
            allowed="an object with Resources",
        )
    return body


@functools.lru_cache(maxsize=64)
def _linted(filled: str) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """A body without placeholders, parsed, and its warnings; nobody changes it."""
    body: dict[str, Any] = json.loads(filled)
    return body, lint(body)


@functools.lru_cache(maxsize=4096)
def _fill(text: str, account: str, region: str, partition: str) -> str:
    filled = fill(text, account=account, region=region, partition=partition)
    _check_length(filled)
    return filled


def _check_placeholders(text: str) -> None:
    unknown = unknown_placeholder(text)
    if unknown is not None:
        raise UnknownPlaceholderError(
            "the JITP template has a placeholder that no stage can fill",
            value=unknown,
            allowed=WRITTEN,
            fix='for what differs by device use {"Ref": …}; for policy variables ${iot:…}',
        )


def _check_length(text: str) -> None:
    if len(text) > LONGEST_BODY:
        raise TemplateTooLongError(
            "the JITP template is too long for AWS IoT",
            value=f"{len(text):,} characters (as compact JSON)",
            allowed=f"{LONGEST_BODY:,}",
            fix="move the policy document into an AWS::IoT::Policy of your own and name it with PolicyName",
        )
