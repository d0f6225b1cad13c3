"""The keys and devices that a rehearsal was given, held against the plan: what is missing is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from ..errors import RehearsalError
from ..model.assembly_files import member
from ..model.possession.secret import SecretProof
from ..model.possession.verification import way_of
from .device import DeviceCertificate, issue_device_certificate
from .device_subject import needed_fields
from .stage_check import expected_of_device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from ..model.assembly import RegistrationRecord
    from .rehearsed_app import RehearsedApp

    CaKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class KeyRing:
    """CA keys, and devices: the user's own, or one that is made for each CA whose key is there.

    ``devices`` are those that took part, by the CA's id; ``made_up`` the fields of a subject that were made up.
    """

    def __init__(
        self,
        ca_keys: Sequence[CaKey],
        *,
        own_devices: Sequence[DeviceCertificate] = (),
        key_type: str = "ec-p256",
        with_device: bool = True,
    ) -> None:
        self._keys, self._own, self._key_type = list(ca_keys), list(own_devices), key_type
        self._with_device = with_device
        self.devices: dict[str, DeviceCertificate] = {}
        self.made_up: dict[str, list[str]] = {}

    def check(
        self, app: RehearsedApp, before: Sequence[RegistrationRecord] = (), *, is_last: bool = True
    ) -> None:
        """Raise `RehearsalError` for a plan that cannot be rehearsed with these keys and devices.

        ``before``: what is registered already, by the app that was deployed last. ``is_last``: no app comes after it,
        in which a device that nobody knows yet could find its CA.
        """
        self._find_own(app, is_last=is_last)
        for record in app.records:
            where = place_of(record)
            proof = record.verification
            if proof is not None:
                self._check_proof(app, where, record, proof)
            needs_device = self._with_device and expected_of_device(record) is not None
            if (
                needs_device
                and record.certificate_id not in self.devices
                and self.key_of(app, record) is None
            ):
                raise self._missing_key(where, record, "signs the device's certificate")
            if _needs_an_earlier_step(record) and not any(_is_same(record, each) for each in before):
                raise RehearsalError(
                    f"{where} keeps the DEFAULT registration of {record.subject} that an earlier deployment made, "
                    "and names no proof to make it anew",
                    value="no step before this one",
                    fix="rehearse the step before, too (--app BEFORE --then THIS), or give it a verification",
                )

    def key_of(self, app: RehearsedApp, record: RegistrationRecord) -> CaKey | None:
        """The key of the record's CA."""
        wanted = x509.load_pem_x509_certificate(app.ca_pem(record).encode()).public_key()
        return next((key for key in self._keys if key.public_key() == wanted), None)

    def key_pem(self, app: RehearsedApp, record: RegistrationRecord) -> str:
        """The key of the record's CA, PEM; `check` has seen to it that it is there."""
        key = self.key_of(app, record)
        assert key is not None  # noqa: S101
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def device_of(self, app: RehearsedApp, record: RegistrationRecord) -> DeviceCertificate | None:
        """The one device of the record's CA, which goes from stage to stage; None without one."""
        if not self._with_device:
            return None
        ca_id = record.certificate_id
        key = self.key_of(app, record)
        if ca_id not in self.devices and key is not None:
            ours = [each for each in app.records if each.certificate_id == ca_id]
            fields = needed_fields(app.assembly, ours, app.sets)
            self.devices[ca_id] = issue_device_certificate(
                app.ca_pem(record),
                key,
                f"rehearsal-{ca_id[:8]}",
                key_type=self._key_type,
                fields=fields,
            )
            self.made_up[ca_id] = fields
        return self.devices.get(ca_id)

    def _find_own(self, app: RehearsedApp, *, is_last: bool) -> None:
        """Find the CA of each device that the user gave."""
        for device in self._own:
            leaf = x509.load_pem_x509_certificate(device.pem.encode())
            for record in app.records:
                ca = x509.load_pem_x509_certificate(app.ca_pem(record).encode())
                if _is_issued_by(leaf, ca):
                    self._take(device, record)
                    break
            else:
                if is_last and device not in self.devices.values():
                    raise RehearsalError(
                        "the device's certificate was issued by no CA of the plan",
                        value=leaf.issuer.rfc4514_string() or "an issuer without a name",
                        allowed=", ".join(sorted({record.subject for record in app.records})),
                        fix="give a certificate that the registered CA signed, not one further up its chain",
                    )

    def _take(self, device: DeviceCertificate, record: RegistrationRecord) -> None:
        other = self.devices.setdefault(record.certificate_id, device)
        if other != device:
            raise RehearsalError(
                f"two devices were issued by one CA, {record.subject}, and one goes from stage to stage",
                value=f"{other.common_name!r} and {device.common_name!r}",
                fix="rehearse with one after the other",
            )

    def _check_proof(self, app: RehearsedApp, where: str, record: RegistrationRecord, proof: Any) -> None:
        way = way_of(proof)
        if way is not SecretProof:
            reason = way.not_rehearsable or "there is nowhere to put its key"
            raise RehearsalError(
                f"{where} proves possession in a way that cannot be rehearsed: {reason}",
                value=way.kind,
                allowed=SecretProof.kind,
                fix="rehearse the app with a development CA and Verification.from_secret",
            )
        secret = member(proof, "secretId", str, f"the proof of {where}")
        if secret.startswith("arn:"):
            raise RehearsalError(
                f"{where} takes the CA's key from a secret by its ARN, and AWS chooses the end of that ARN",
                value=secret,
                allowed="the secret's name",
                fix="name the secret for the rehearsal; for a secret of another account there is no way",
            )
        if self.key_of(app, record) is None:
            raise self._missing_key(where, record, f"belongs in the secret {secret}")

    def _missing_key(self, where: str, record: RegistrationRecord, purpose: str) -> RehearsalError:
        return RehearsalError(
            f"the key of the CA {record.subject} is needed: in {where} it {purpose}",
            value="no key of that CA" if self._keys else "no --ca-key",
            allowed=f"the key of the certificate {record.certificate_id}, a PEM file",
            fix="give it with --ca-key, or rehearse with a CA that `iot-ca create-ca` makes"
            + ("" if record.verification is not None else "; or leave the device out with --no-device"),
        )


def place_of(record: RegistrationRecord) -> str:
    """How a registration is called: its stage, account and region."""
    return f"{record.label} ({record.account}/{record.region})"


def _needs_an_earlier_step(record: RegistrationRecord) -> bool:
    return record.retiring and record.certificate_mode == "DEFAULT" and record.verification is None


def _is_same(record: RegistrationRecord, other: RegistrationRecord) -> bool:
    return (record.target, record.certificate_id) == (other.target, other.certificate_id)


def _is_issued_by(leaf: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
