"""AWS IoT's CA calls over several accounts and regions, as strict as AWS's documents say.

``tests/contract`` holds it beside the local AWS, so that it is not a mirror of our own code. A fake of one account and
region answers a real boto3 client (``fakes.wire``), whose model checks the parameters and the errors.
"""

from __future__ import annotations

import copy
import datetime as dt
import functools
import hashlib
import re
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from iot_multiaccount_ca.local.gaps.certificates import ca_problem, verification_problem
from support.certificates import registration_code
from support.fakes.wire import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_CAS_OF_ONE_SUBJECT = 10
_DEFAULT_PAGE = 25
_TAGS_A_PAGE = 3
_LONGEST_KEY, _LONGEST_VALUE, _MOST_TAGS = 128, 256, 50
# Letters, digits, spaces, and no quotes or braces (AWS IoT developer guide, "Tagging your AWS IoT resources").
_TAG_TEXT = re.compile(r"[\w\s+\-=.:/@]*")
WRITES = frozenset(
    {"RegisterCACertificate", "UpdateCACertificate", "DeleteCACertificate", "TagResource", "UntagResource"}
)
#: What of AWS no document says, and the code must be right with either way.
SECOND_DEFAULT_ERRORS = (
    "ResourceAlreadyExistsException",
    "InvalidRequestException",
    "CertificateValidationException",
    "LimitExceededException",
    "UnauthorizedException",
)


class AwsIot:
    """All accounts and regions. What AWS does not document is a setting.

    ``second_default``: the error that a second DEFAULT account of a region gets. ``digest_ids``: whether a CA's id is
    the digest of its certificate. ``keeps_auto_registration``: whether removeAutoRegistration leaves it on.
    """

    def __init__(
        self,
        *,
        second_default: str = "ResourceAlreadyExistsException",
        digest_ids: bool = True,
        keeps_auto_registration: bool = False,
    ) -> None:
        self.second_default = second_default
        self.digest_ids = digest_ids
        self.keeps_auto_registration = keeps_auto_registration
        self._places: dict[tuple[str, str], FakeIot] = {}

    def at(self, account: str, region: str = "eu-west-1") -> FakeIot:
        """The AWS IoT of one account and region."""
        if (account, region) not in self._places:
            self._places[account, region] = FakeIot(self, account, region)
        return self._places[account, region]

    def places(self) -> Iterator[FakeIot]:
        """Those that somebody has looked at."""
        yield from self._places.values()

    def id_of(self, digest: str, account: str) -> str:
        """The id that a CA gets in an account."""
        if self.digest_ids:
            return digest
        return hashlib.sha256(f"{digest} {account}".encode()).hexdigest()

    def default_owner(self, digest: str, region: str) -> str | None:
        """The account that holds the CA in DEFAULT mode there."""
        owners = [
            place.account
            for place in self._places.values()
            if place.region == region
            for ca in place.cas.values()
            if digest_of(ca["pem"]) == digest and ca["mode"] == "DEFAULT"
        ]
        assert len(owners) <= 1, f"{digest} has the DEFAULT owners {owners} in {region}"
        return owners[0] if owners else None

    def snapshot(self) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
        """Everything that is registered, where."""
        return {key: copy.deepcopy(place.cas) for key, place in self._places.items() if place.cas}


class FakeIot:
    """One account and region. ``cas``: what is registered, by id; ``calls``: the operations asked, in order."""

    service = "iot"

    def __init__(self, aws: AwsIot, account: str, region: str) -> None:
        self.aws, self.account, self.region = aws, account, region
        self.cas: dict[str, dict[str, Any]] = {}
        #: Provisioning templates that are not there any more: a CA cannot be given one.
        self.missing_templates: set[str] = set()
        self.calls: list[str] = []
        self._codes = 0
        self._faults: dict[str, list[BaseException]] = {}

    @property
    def writes(self) -> list[str]:
        """The calls that change something."""
        return [name for name in self.calls if name in WRITES]

    @property
    def registration_code(self) -> str:
        """What GetRegistrationCode answers; it stays the same until it is deleted."""
        return registration_code(f"{self.account}/{self.region}/{self._codes}")

    def change_registration_code(self) -> None:
        """As DeleteRegistrationCode does."""
        self._codes += 1

    def fail(self, operation: str, *problems: BaseException) -> None:
        """The next calls of ``operation`` fail so."""
        self._faults.setdefault(operation, []).extend(problems)

    def fail_always(self, operation: str, problem: BaseException) -> None:
        """Every call of ``operation`` fails so."""
        self._faults[operation] = [problem] * 10_000

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.calls.append(operation)
        if self._faults.get(operation):
            raise self._faults[operation].pop(0)
        does: dict[str, Callable[..., Mapping[str, Any]]] = {
            "GetRegistrationCode": self._get_registration_code,
            "DeleteRegistrationCode": self._delete_registration_code,
            "RegisterCACertificate": self._register,
            "DescribeCACertificate": self._describe,
            "UpdateCACertificate": self._update,
            "DeleteCACertificate": self._delete,
            "ListCACertificates": self._list,
            "ListTagsForResource": self._list_tags,
            "TagResource": self._tag,
            "UntagResource": self._untag,
        }
        return does[operation](**parameters)

    def vanish(self, certificate_id: str, parameters: Mapping[str, Any]) -> bool:
        """Somebody removes the CA, if the call is about it; whether it is."""
        asked = parameters.get("certificateId") or parameters["resourceArn"].rpartition("/")[2]
        if asked == certificate_id:
            self.cas.pop(certificate_id, None)
        return bool(asked == certificate_id)

    # --- registration codes and registering ------------------------------------------------------------------

    def _get_registration_code(self) -> Mapping[str, Any]:
        return {"registrationCode": self.registration_code}

    def _delete_registration_code(self) -> Mapping[str, Any]:
        self.change_registration_code()
        return {}

    def _register(
        self,
        *,
        caCertificate: str,
        verificationCertificate: str | None = None,
        certificateMode: str = "DEFAULT",
        setAsActive: bool = False,
        allowAutoRegistration: bool = False,
        registrationConfig: Mapping[str, Any] | None = None,
        tags: list[dict[str, str]] | None = None,
    ) -> Mapping[str, Any]:
        self._check_ca(caCertificate)
        if certificateMode == "DEFAULT":
            self._check_verification(caCertificate, verificationCertificate)
        elif verificationCertificate is not None:
            raise Refusal(
                "InvalidRequestException", "Cannot provide a verification certificate in SNI_ONLY mode"
            )
        digest = digest_of(caCertificate)
        held = next((key for key, ca in self.cas.items() if digest_of(ca["pem"]) == digest), None)
        if held is not None:
            raise Refusal(
                "ResourceAlreadyExistsException",
                "The certificate is already registered.",
                409,
                resourceId=held,
                resourceArn=self._arn(held),
            )
        if certificateMode == "DEFAULT" and self.aws.default_owner(digest, self.region) is not None:
            raise Refusal(
                self.aws.second_default, "Another account holds the CA in DEFAULT mode in this region.", 409
            )
        subject = _subject(caCertificate)
        if sum(_subject(ca["pem"]) == subject for ca in self.cas.values()) >= _CAS_OF_ONE_SUBJECT:
            raise Refusal(
                "LimitExceededException", "The account has 10 CA certificates with this subject.", 410
            )
        given = {tag["Key"]: tag.get("Value", "") for tag in tags or []}
        _check_tags(given)
        certificate_id = self.aws.id_of(digest, self.account)
        self.cas[certificate_id] = {
            "pem": caCertificate,
            "mode": certificateMode,
            "status": "ACTIVE" if setAsActive else "INACTIVE",
            "auto": "ENABLE" if allowAutoRegistration else "DISABLE",
            "config": dict(registrationConfig) if registrationConfig else None,
            "tags": given,
        }
        return {"certificateId": certificate_id, "certificateArn": self._arn(certificate_id)}

    def _check_ca(self, pem: str) -> None:
        try:
            problem = _ca_problem(pem)
        except ValueError:
            problem = "The CA certificate is not PEM."
        if problem is not None:
            raise Refusal("CertificateValidationException", problem)

    def _check_verification(self, ca_pem: str, pem: str | None) -> None:
        if pem is None:
            raise Refusal("InvalidRequestException", "Need a verification certificate in DEFAULT mode")
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            certificate.verify_directly_issued_by(_certificate(ca_pem))
        except (ValueError, InvalidSignature):
            raise Refusal(
                "CertificateValidationException", "The verification certificate is not the CA's"
            ) from None
        problem = verification_problem(pem, dt.datetime.now(dt.UTC))
        if problem is not None:
            raise Refusal("CertificateValidationException", problem)
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if [name.value for name in names] != [self.registration_code]:
            raise Refusal("RegistrationCodeValidationException", "The registration code is not valid.")

    # --- what is registered ----------------------------------------------------------------------------------

    def _describe(self, *, certificateId: str) -> Mapping[str, Any]:
        ca = self._ca(certificateId)
        certificate = _certificate(ca["pem"])
        description = {
            "certificateId": certificateId,
            "certificateArn": self._arn(certificateId),
            "certificatePem": ca["pem"],
            "status": ca["status"],
            "certificateMode": ca["mode"],
            "autoRegistrationStatus": ca["auto"],
            "ownedBy": self.account,
            "validity": {
                "notBefore": certificate.not_valid_before_utc,
                "notAfter": certificate.not_valid_after_utc,
            },
        }
        config = {"registrationConfig": dict(ca["config"])} if ca["config"] else {}
        return {"certificateDescription": description, **config}

    def _update(
        self,
        *,
        certificateId: str,
        newStatus: str | None = None,
        newAutoRegistrationStatus: str | None = None,
        registrationConfig: Mapping[str, Any] | None = None,
        removeAutoRegistration: bool = False,
    ) -> Mapping[str, Any]:
        ca = self._ca(certificateId)
        if (registrationConfig or {}).get("templateName") in self.missing_templates:
            raise Refusal("InvalidRequestException", "The provisioning template does not exist.")
        ca["status"] = newStatus or ca["status"]
        ca["auto"] = newAutoRegistrationStatus or ca["auto"]
        if registrationConfig is not None:
            ca["config"] = dict(registrationConfig)
        if removeAutoRegistration:
            ca["config"] = None
            if not self.aws.keeps_auto_registration:
                ca["auto"] = "DISABLE"
        return {}

    def _delete(self, *, certificateId: str) -> Mapping[str, Any]:
        if self._ca(certificateId)["status"] == "ACTIVE":
            raise Refusal("CertificateStateException", "The CA certificate must be deactivated first", 406)
        del self.cas[certificateId]
        return {}

    def _list(
        self,
        *,
        pageSize: int = _DEFAULT_PAGE,
        marker: str | None = None,
        templateName: str | None = None,
        **_: Any,
    ) -> Mapping[str, Any]:
        ids = [
            key
            for key, ca in self.cas.items()
            if templateName is None or (ca["config"] or {}).get("templateName") == templateName
        ]
        start = int(marker) if marker else 0
        page = ids[start : start + pageSize]
        more = {"nextMarker": str(start + pageSize)} if start + pageSize < len(ids) else {}
        return {
            "certificates": [
                {"certificateId": key, "certificateArn": self._arn(key), "status": self.cas[key]["status"]}
                for key in page
            ],
            **more,
        }

    # --- tags ------------------------------------------------------------------------------------------------

    def _list_tags(self, *, resourceArn: str, nextToken: str | None = None) -> Mapping[str, Any]:
        tags = list(self._tagged(resourceArn).items())
        start = int(nextToken) if nextToken else 0
        more = {"nextToken": str(start + _TAGS_A_PAGE)} if start + _TAGS_A_PAGE < len(tags) else {}
        page = tags[start : start + _TAGS_A_PAGE]
        return {"tags": [{"Key": key, "Value": value} for key, value in page], **more}

    def _tag(self, *, resourceArn: str, tags: list[dict[str, str]]) -> Mapping[str, Any]:
        held = self._tagged(resourceArn)
        after = {**held, **{tag["Key"]: tag.get("Value", "") for tag in tags}}
        _check_tags(after)
        held.update(after)
        return {}

    def _untag(self, *, resourceArn: str, tagKeys: list[str]) -> Mapping[str, Any]:
        held = self._tagged(resourceArn)
        for key in tagKeys:
            held.pop(key, None)
        return {}

    def _tagged(self, arn: str) -> dict[str, str]:
        tags: dict[str, str] = self._ca(arn.rpartition("/")[2])["tags"]
        return tags

    def _ca(self, certificate_id: str) -> dict[str, Any]:
        if certificate_id not in self.cas:
            raise Refusal(
                "ResourceNotFoundException", f"CA certificate {certificate_id} does not exist.", 404
            )
        return self.cas[certificate_id]

    def _arn(self, certificate_id: str) -> str:
        return f"arn:aws:iot:{self.region}:{self.account}:cacert/{certificate_id}"


def digest_of(pem: str) -> str:
    """SHA-256 of the certificate's DER."""
    return _certificate(pem).fingerprint(hashes.SHA256()).hex()


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > _MOST_TAGS:
        raise Refusal("InvalidRequestException", "Too many tags.")
    if any(len(key) > _LONGEST_KEY or not key for key in tags):
        raise Refusal("InvalidRequestException", "A tag's key is empty or too long.")
    if any(len(value) > _LONGEST_VALUE for value in tags.values()):
        raise Refusal("InvalidRequestException", "A tag's value is too long.")
    if not all(_TAG_TEXT.fullmatch(text) for pair in tags.items() for text in pair):
        raise Refusal("InvalidRequestException", "A tag has characters that are not allowed.")


@functools.cache
def _certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


@functools.cache
def _ca_problem(pem: str) -> str | None:
    return ca_problem(pem, dt.datetime.now(dt.UTC))


def _subject(pem: str) -> x509.Name:
    return _certificate(pem).subject
