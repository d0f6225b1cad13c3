"""A rehearsal: an app deployed to a local AWS by the real CDK CLI, and a device that moves through its stages.

One object, whose steps the command line calls in order and shows. Takes the plan from the cloud assembly alone.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ..errors import AssemblyError, RehearsalError
from ..model.assembly import ca_certificate_pem, read_registrations
from ..model.possession.secret import SecretProof
from ..model.possession.verification import way_of
from .activation import put_on_list
from .cdk import Cdk, environments, qualifiers, stack_templates
from .device import issue_device_certificate
from .inventory import Found, inventory, retained
from .stage_check import Row, check_stage, expected_of_device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from ..model.assembly import RegistrationRecord
    from .device import DeviceCertificate
    from .emulator import LocalAws

    CaKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Leftovers(NamedTuple):
    """What is there after the stacks are gone: what should not be, and what a removal policy keeps."""

    unplanned: list[Found]
    kept: list[Found]


class Rehearsal:
    """The steps, each to be called once, in the order in which they stand here.

    ``app``: a cloud assembly's folder, the command of an app, or None for the app of ``folder``'s cdk.json.
    ``ca_keys``: the keys of the plan's CAs, as far as there are any. ``with_device=False``: deploy and describe only.
    ``say`` is told what goes on, line by line.
    """

    def __init__(
        self,
        aws: LocalAws,
        folder: Path,
        *,
        app: str | None = None,
        ca_keys: Sequence[CaKey] = (),
        device_key_type: str = "ec-p256",
        with_device: bool = True,
        concurrency: int = 3,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._aws, self._folder, self._app = aws, folder, app
        self._keys = list(ca_keys)
        self._device_key_type, self._with_device, self._concurrency = (
            device_key_type,
            with_device,
            concurrency,
        )
        self._assembly = aws.folder / "cdk.out"
        self._before: set[Found] = set()
        self._say = say or (lambda _: None)
        self._cdk = Cdk(aws, folder, say=self._say)
        self.records: list[RegistrationRecord] = []
        self.devices: dict[str, DeviceCertificate] = {}

    def synthesize(self) -> None:
        """Synthesize the app and read its plan. Raises `RehearsalError` for a plan that cannot be rehearsed."""
        given = Path(self._app) if self._app is not None else None
        if given is not None and given.is_dir():
            shutil.copytree(given, self._assembly)
        elif given is None and not (self._folder / "cdk.json").is_file():
            raise RehearsalError(
                "no app here: the folder has no cdk.json",
                value=str(self._folder),
                fix="go to the app's folder, or give --app its command or its cloud assembly",
            )
        else:
            self._cdk.synthesize(self._app, self._assembly)
        self.records = read_registrations(self._assembly)
        if not self.records:
            raise AssemblyError("the app registers no CA", fix="rehearse an app with a SharedCa in it")
        self._check_plan()

    @property
    def environments(self) -> list[tuple[str, str]]:
        """Each (account, region) that the app deploys to."""
        return environments(self._assembly)

    def bootstrap(self) -> None:
        """Bootstrap every environment, the first account trusted by the others."""
        for qualifier in qualifiers(self._assembly):
            self._cdk.bootstrap(self.environments, trusted=self._first.account, qualifier=qualifier)

    def put_keys(self) -> int:
        """Put the CA keys into the secrets that the plan names; how many."""
        secrets: dict[tuple[str, str, str], dict[str | None, str]] = {}
        for record in self.records:
            proof = record.verification
            if proof is not None:
                place = (record.account, record.region, proof["secretId"])
                secrets.setdefault(place, {})[proof.get("field")] = self._key_pem(record)
        for (account, region, name), fields in secrets.items():
            content = fields.get(None) or json.dumps(fields)
            client = self._aws.client("secretsmanager", account=account, region=region)
            client.create_secret(Name=name, SecretString=content)
        return len(secrets)

    def deploy(self) -> None:
        """`cdk deploy` of every stack."""
        self._before = inventory(self._aws, self.environments)
        first = self._first
        self._cdk.deploy(
            self._assembly, account=first.account, region=first.region, concurrency=self._concurrency
        )

    def put_on_lists(self) -> int:
        """Put the devices on the allow-lists of stages under just-in-time registration; how many there are."""
        put = 0
        for record in self.records:
            device = self._device_of(record)
            put += device is not None and put_on_list(self._aws, record, device)
        return put

    def check(self) -> Iterator[Row]:
        """Describe each registration, and let its CA's device connect there, one stage after the other."""
        for record in self.records:
            self._say(_where(record))
            yield check_stage(self._aws, record, self._device_of(record))

    def destroy(self) -> Leftovers:
        """`cdk destroy` of every stack; what is left of them."""
        first = self._first
        self._cdk.destroy(
            self._assembly, account=first.account, region=first.region, concurrency=self._concurrency
        )
        left = sorted(inventory(self._aws, self.environments) - self._before)
        keeps = retained(stack_templates(self._assembly))
        return Leftovers(
            [thing for thing in left if thing.place not in keeps],
            [thing for thing in left if thing.place in keeps],
        )

    def stop(self) -> None:
        """End what runs of the CDK CLI."""
        self._cdk.stop()

    # --- the plan, and the keys that it needs ---------------------------------------------------------------

    @property
    def _first(self) -> RegistrationRecord:
        return self.records[0]

    def _check_plan(self) -> None:
        for record in self.records:
            where = _where(record)
            proof = record.verification
            if proof is not None:
                self._check_proof(where, record, proof)
            if self._with_device and expected_of_device(record) is not None and self._key_of(record) is None:
                raise self._missing_key(where, record, "signs the device's certificate")

    def _check_proof(self, where: str, record: RegistrationRecord, proof: Any) -> None:
        way = way_of(proof)
        if way is not SecretProof:
            reason = way.not_rehearsable or "there is nowhere to put its key"
            raise RehearsalError(
                f"{where} proves possession in a way that cannot be rehearsed: {reason}",
                value=way.kind,
                allowed=SecretProof.kind,
                fix="rehearse the app with a development CA and Verification.from_secret",
            )
        if proof["secretId"].startswith("arn:"):
            raise RehearsalError(
                f"{where} takes the CA's key from a secret by its ARN, and AWS chooses the end of that ARN",
                value=proof["secretId"],
                allowed="the secret's name",
                fix="name the secret for the rehearsal; for a secret of another account there is no way",
            )
        if self._key_of(record) is None:
            raise self._missing_key(where, record, f"belongs in the secret {proof['secretId']}")

    def _missing_key(self, where: str, record: RegistrationRecord, purpose: str) -> RehearsalError:
        return RehearsalError(
            f"the key of the CA {record.subject} is needed: in {where} it {purpose}",
            value="no key of that CA" if self._keys else "no --ca-key",
            allowed=f"the key of the certificate {record.certificate_id}, a PEM file",
            fix="give it with --ca-key, or rehearse with a CA that `iot-ca create-ca` makes"
            + ("" if record.verification is not None else "; or leave the device out with --no-device"),
        )

    def _key_of(self, record: RegistrationRecord) -> CaKey | None:
        wanted = x509.load_pem_x509_certificate(self._pem_of(record).encode()).public_key()
        return next((key for key in self._keys if key.public_key() == wanted), None)

    def _pem_of(self, record: RegistrationRecord) -> str:
        return ca_certificate_pem(self._assembly, record)

    def _key_pem(self, record: RegistrationRecord) -> str:
        key = self._key_of(record)
        assert key is not None  # noqa: S101 - _check_plan has seen to it
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def _device_of(self, record: RegistrationRecord) -> DeviceCertificate | None:
        """The one device of the record's CA, which goes from stage to stage."""
        key = self._key_of(record) if self._with_device else None
        if key is None:
            return None
        if record.certificate_id not in self.devices:
            self.devices[record.certificate_id] = issue_device_certificate(
                self._pem_of(record),
                key,
                f"rehearsal-{record.certificate_id[:8]}",
                key_type=self._device_key_type,
            )
        return self.devices[record.certificate_id]


def _where(record: RegistrationRecord) -> str:
    return f"{record.stage or record.stack_name} ({record.account}/{record.region})"
