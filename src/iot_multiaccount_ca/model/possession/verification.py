"""How possession of the CA's key is proved in DEFAULT mode. Holds names and certificates, never a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import (
    ForeignPartitionError,
    ForeignSecretError,
    InvalidSecretFieldError,
    InvalidTypeError,
    KeyMaterialGivenError,
    PreIssuedStagesError,
    PreIssuedValidityError,
)
from . import arns
from . import grants as key_access
from .pre_issued import HOW_TO_SIGN, PreIssued, check_signature, check_stages, read

if TYPE_CHECKING:
    import datetime as dt
    import os
    from collections.abc import Iterable, Mapping

    from ..ca.certificate import CaCertificate
    from .grants import ForeignPolicy, Permission


@dataclass(frozen=True, slots=True)
class Verification:
    """How possession of the CA's key is proved, for registrations in DEFAULT mode. Make one with ``from_…``.

    ``from_pre_issued``: the key stays with whoever holds it, and no role can ever sign with it; the best
    choice. ``from_kms_key``, ``from_private_ca``: the stack's role may have AWS sign with it.
    ``from_secret``: the stack's role may read it. SNI_ONLY registrations need none of these.

    ``kind``: ``PRE_ISSUED``, ``KMS_KEY``, ``PRIVATE_CA`` or ``SECRET``. All factories raise a
    `VerificationError`.
    """

    kind: str
    secret: arns.Arn | str | None = None
    secret_field: str | None = None
    encryption_key: arns.Arn | None = None
    key: arns.Arn | None = None
    private_ca: arns.Arn | None = None
    pre_issued: tuple[PreIssued, ...] = ()

    @classmethod
    def from_secret(
        cls,
        name_or_arn: str,
        *,
        field: str | None = None,  # noqa: A002, RUF100 - the word of Secrets Manager's users
        encryption_key_arn: str | None = None,
    ) -> Verification:
        """The CA's key is PEM in Secrets Manager: the secret itself, or one field of its JSON.

        ``name_or_arn``: a name in the stage's own account and region, or the full ARN of a secret anywhere
        in the partition. ``encryption_key_arn``: the customer managed KMS key that encrypts the secret;
        needed for a secret of another account, and wherever it is not the default ``aws/secretsmanager``.
        """
        if field is not None and (not isinstance(field, str) or not field.strip()):
            raise InvalidSecretFieldError(
                "the field of the secret is no name",
                value=field,
                allowed="the key in the secret's JSON object, as text",
                fix="leave field out for a secret that is the PEM itself",
            )
        if field is not None and "PRIVATE KEY" in field:
            raise KeyMaterialGivenError(
                "a private key itself stands where the field's name belongs",
                fix="keep the key out of the app",
            )
        encryption_key = None
        if encryption_key_arn is not None:
            encryption_key = arns.key_arn(encryption_key_arn, what="the secret's encryption key")
        return cls(
            kind="SECRET",
            secret=arns.secret_id(name_or_arn),
            secret_field=field,
            encryption_key=encryption_key,
        )

    @classmethod
    def from_kms_key(cls, key_arn: str) -> Verification:
        """The CA's key is an asymmetric KMS key for signing, RSA or ECC; it never leaves KMS.

        ``key_arn``: of the key, not of an alias; any region and account of the partition.
        """
        return cls(kind="KMS_KEY", key=arns.key_arn(key_arn))

    @classmethod
    def from_private_ca(cls, certificate_authority_arn: str) -> Verification:
        """The CA is an AWS Private CA: it issues the verification certificate, for a day.

        ``certificate_authority_arn``: its ARN; its certificate must be the plan's CA certificate.
        """
        return cls(kind="PRIVATE_CA", private_ca=arns.private_ca_arn(certificate_authority_arn))

    @classmethod
    def from_pre_issued(cls, certificates: Mapping[str, str | os.PathLike[str]]) -> Verification:
        """The verification certificates were signed ahead of time, by whoever holds the CA's key.

        ``certificates``: for each DEFAULT stage by its name, the certificate as PEM text or the path of its
        file (as ``iot-ca verification-cert`` writes it). A registration code never changes, so one signature
        serves for good.
        """
        if not hasattr(certificates, "items") or not certificates:
            raise PreIssuedStagesError(
                "no pre-issued verification certificate is given",
                value=certificates if not isinstance(certificates, str) else type(certificates).__name__,
                allowed='{"stage": PEM text or path, …}, one for every DEFAULT stage',
                fix=HOW_TO_SIGN,
            )
        issued = tuple(read(stage, value) for stage, value in sorted(certificates.items()))
        return cls(kind="PRE_ISSUED", pre_issued=issued)

    @property
    def signs_in_lambda(self) -> bool:
        """Whether the stack's Lambda makes certificates or requests itself, with ``cryptography``."""
        return self.kind != "PRE_ISSUED"

    def request_properties(self, stage_name: str | None = None) -> dict[str, str]:
        """The ``Verification`` of the custom resource's properties, for one stage."""
        if self.private_ca is not None:
            return {"Type": self.kind, "CertificateAuthorityArn": self.private_ca.text}
        if self.key is not None:
            return {"Type": self.kind, "KeyArn": self.key.text}
        if self.secret is not None:
            found = {"Type": self.kind, "SecretId": _text(self.secret)}
            return found if self.secret_field is None else {**found, "Field": self.secret_field}
        issued = self._issued_for(stage_name)
        return {"Type": self.kind, "CertificatePem": issued.pem, "RegistrationCode": issued.registration_code}

    def metadata(self, stage_name: str | None = None) -> dict[str, Any]:
        """What the cloud assembly says of it: the way of proof and names, never a key."""
        if self.private_ca is not None:
            return {"type": self.kind, "certificateAuthorityArn": self.private_ca.text}
        if self.key is not None:
            return {"type": self.kind, "keyArn": self.key.text}
        if self.secret is not None:
            return {"type": self.kind, "secretId": _text(self.secret), "field": self.secret_field}
        return {"type": self.kind, "registrationCode": self._issued_for(stage_name).registration_code}

    def permissions(
        self, partition: str, account: str, region: str, *, ca_certificate: CaCertificate | None = None
    ) -> tuple[Permission, ...]:
        """What the role of a stage in ``account`` and ``region`` needs: the one secret or key, for this
        purpose.

        ``ca_certificate`` narrows kms:Sign to the one algorithm that fits the CA's key.
        """
        self.check_target(partition, account, region)
        if self.secret is not None:
            return key_access.secret_permissions(
                self.secret, self.encryption_key, partition=partition, account=account, region=region
            )
        if self.key is not None:
            return key_access.kms_permissions(self.key, _algorithm(ca_certificate))
        if self.private_ca is not None:
            return key_access.private_ca_permissions(self.private_ca)
        return ()

    def foreign_policies(
        self,
        account: str,
        *,
        role_pattern: str | None = None,
        ca_certificate: CaCertificate | None = None,
    ) -> tuple[ForeignPolicy, ...]:
        """What the owners of another account's secret or key must add for a stage in ``account``.

        Empty where everything lies in the stage's own account. ``role_pattern``: narrows the grant to roles
        whose ARN is like it (IAM's ``ArnLike``); without it the account decides who of its own may.
        """
        owner = self.resource
        if owner is not None and owner.account != account:
            if self.key is not None:
                algorithm = _algorithm(ca_certificate)
                return key_access.kms_policies(
                    self.key, algorithm, account=account, role_pattern=role_pattern
                )
            if self.private_ca is not None:
                return key_access.private_ca_policies(self.private_ca, account=account)
            return key_access.secret_policies(
                owner, self.encryption_key, account=account, role_pattern=role_pattern
            )
        return ()

    @property
    def resource(self) -> arns.Arn | None:
        """The ARN of the secret, key or private CA; None for a secret's name and for pre-issued ones."""
        return self.key or self.private_ca or (self.secret if isinstance(self.secret, arns.Arn) else None)

    def check_target(self, partition: str, account: str, region: str) -> None:
        """Raise a `VerificationError` when no role of ``account`` could ever use the secret or key."""
        for used in (self.resource, self.encryption_key):
            if used is not None and used.partition != partition:
                raise ForeignPartitionError(
                    f"{used.text} lies in partition {used.partition}, and account {account} in {region} in "
                    f"{partition}",
                    allowed=f"a secret or key of partition {partition}",
                    fix="copy nothing: sign there with `iot-ca verification-cert`, and use "
                    "Verification.from_pre_issued",
                )
        if (
            isinstance(self.secret, arns.Arn)
            and self.secret.account != account
            and self.encryption_key is None
        ):
            raise ForeignSecretError(
                f"the secret belongs to account {self.secret.account}, and account {account} cannot read it: "
                f"the default key aws/secretsmanager never serves another account",
                value=self.secret.text,
                allowed="a secret encrypted with a customer managed KMS key",
                fix="encrypt it with such a key, and name that with Verification.from_secret(…, "
                "encryption_key_arn=…)",
            )

    def check_pre_issued(
        self,
        ca_certificate: CaCertificate,
        default_stage_names: Iterable[str],
        *,
        now: dt.datetime | None = None,
    ) -> None:
        """Raise a `PreIssuedError` unless there is one certificate for each DEFAULT stage, signed by this CA.

        Does nothing for the other kinds. Whether they are valid in time is only checked where ``now`` is
        given: a plan must still load on the day they expire (see `pre_issued_problem`).
        """
        if self.kind != "PRE_ISSUED":
            return
        wanted, given = set(default_stage_names), {each.stage for each in self.pre_issued}
        check_stages(wanted, given)
        ca = ca_certificate.load()
        for issued in self.pre_issued:
            check_signature(issued, ca)
            problem = issued.validity_problem(now) if now is not None else None
            if problem is not None:
                raise PreIssuedValidityError(problem)

    def pre_issued_problem(self, stage_name: str | None, *, now: dt.datetime | None = None) -> str | None:
        """Why AWS IoT would refuse a stage's pre-issued certificate today, as a sentence; else None."""
        return self._issued_for(stage_name).validity_problem(now) if self.kind == "PRE_ISSUED" else None

    def _issued_for(self, stage_name: str | None) -> PreIssued:
        if stage_name is None and len(self.pre_issued) == 1:
            return self.pre_issued[0]
        for issued in self.pre_issued:
            if issued.stage == stage_name:
                return issued
        raise PreIssuedStagesError(
            f"there is no pre-issued verification certificate for stage {stage_name!r}"
            if stage_name is not None
            else "a registration outside a plan has no stage, so which pre-issued certificate is meant is "
            "unclear",
            value=sorted(each.stage for each in self.pre_issued),
            allowed="one for every DEFAULT stage; exactly one for a registration outside a plan",
            fix=HOW_TO_SIGN,
        )


def _text(secret: arns.Arn | str) -> str:
    return secret if isinstance(secret, str) else secret.text


def _algorithm(ca_certificate: CaCertificate | None) -> str | None:
    return ca_certificate.key_algorithm if ca_certificate is not None else None


def check_verification(verification: object, *, where: str) -> None:
    """Raise `InvalidTypeError` unless it is a `Verification` or `None`."""
    if verification is not None and not isinstance(verification, Verification):
        raise InvalidTypeError(
            f"the verification of {where} is of another kind",
            value=type(verification).__name__,
            allowed="a Verification or None",
            fix="make it with Verification.from_secret, from_kms_key, from_private_ca or from_pre_issued",
        )
