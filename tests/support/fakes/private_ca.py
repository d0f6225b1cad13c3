"""AWS Private CA as far as issuing goes: really signs requests, by the templates' and parameters' rules.

Built from botocore's model and the AWS Private CA API reference; never held against the service itself.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.certificates import usage
from support.fakes.wire import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.certificates import Authority

_TEMPLATE = "arn:aws:acm-pca:::template/EndEntityCertificate/V1"
_HASHES: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}


class FakePrivateCa:
    """One private CA. ``pending``: how often GetCertificate says "in progress" first."""

    service = "acm-pca"

    def __init__(self, arn: str, authority: Authority, *, status: str = "ACTIVE", pending: int = 1) -> None:
        self.arn, self.authority, self.status, self.pending = arn, authority, status, pending
        self.refusals: dict[str, Refusal] = {}
        self.issued: list[Mapping[str, Any]] = []
        self.signs_with: Authority = authority
        self._certificates: dict[str, str] = {}
        self._by_token: dict[str, str] = {}

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation in self.refusals:
            raise self.refusals[operation]
        if parameters["CertificateAuthorityArn"] != self.arn:
            raise Refusal("ResourceNotFoundException", "Could not find Certificate Authority")
        handlers = {
            "DescribeCertificateAuthority": self._describe,
            "GetCertificateAuthorityCertificate": self._ca_certificate,
            "IssueCertificate": self._issue,
            "GetCertificate": self._certificate,
        }
        return handlers[operation](parameters)

    def _describe(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"CertificateAuthority": {"Arn": self.arn, "Status": self.status}}

    def _ca_certificate(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.status in {"CREATING", "PENDING_CERTIFICATE", "FAILED"}:
            raise Refusal("InvalidStateException", "The certificate authority is not in a valid state")
        return {"Certificate": self.authority.pem}

    def _issue(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.issued.append(parameters)
        if self.status != "ACTIVE":
            raise Refusal("InvalidStateException", "The certificate authority is not ACTIVE")
        if parameters.get("TemplateArn", _TEMPLATE) != _TEMPLATE:
            raise Refusal("InvalidArgsException", "this fake knows the end-entity template only")
        token = parameters.get("IdempotencyToken", str(len(self._by_token)))
        if token not in self._by_token:
            arn = f"{self.arn}/certificate/{len(self._by_token):032x}"
            self._certificates[arn] = self._sign(parameters)
            self._by_token[token] = arn
        return {"CertificateArn": self._by_token[token]}

    def _certificate(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.pending > 0:
            self.pending -= 1
            raise Refusal("RequestInProgressException", "The certificate is being issued")
        return {"Certificate": self._certificates[parameters["CertificateArn"]]}

    def _sign(self, parameters: Mapping[str, Any]) -> str:
        request = x509.load_pem_x509_csr(parameters["Csr"])
        if not request.is_signature_valid:
            raise Refusal("MalformedCSRException", "The signature of the CSR is wrong")
        key, ca = self.signs_with.key, self.signs_with.certificate
        digest, _, kind = parameters["SigningAlgorithm"].partition("WITH")
        fits = rsa.RSAPrivateKey if kind == "RSA" else ec.EllipticCurvePrivateKey
        if not isinstance(key, fits) or isinstance(key, ed25519.Ed25519PrivateKey):
            raise Refusal("InvalidArgsException", "The signing algorithm does not fit the CA's key")
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        validity = parameters["Validity"]
        assert validity["Type"] in {"ABSOLUTE", "DAYS"}
        end = dt.datetime.fromtimestamp(validity["Value"], dt.UTC)
        if validity["Type"] == "DAYS":
            end = now + dt.timedelta(days=validity["Value"])
        if end > ca.not_valid_after_utc:
            raise Refusal("ValidationException", "The certificate would outlive the CA")
        public = request.public_key()
        assert isinstance(public, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey))
        issuer_key = key.public_key()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(ca.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(usage(digital_signature=True, key_encipherment=True), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .sign(key, _HASHES[digest])
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode()
