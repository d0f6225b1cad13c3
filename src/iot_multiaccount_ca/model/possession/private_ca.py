"""PRIVATE_CA: the CA is an AWS Private CA, and the stack's role may have it issue end-entity certificates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...errors import WrongArnError
from ..policies import document
from ..target import Target
from .arns import Arn, literal, parse
from .grants import ForeignPolicy, Permission, statement
from .proof import Proof

if TYPE_CHECKING:
    from ..ca.certificate import CaCertificate

_RESOURCE = re.compile(r"certificate-authority/[A-Za-z0-9-]+", re.ASCII)
_READ = (
    "acm-pca:DescribeCertificateAuthority",
    "acm-pca:GetCertificate",
    "acm-pca:GetCertificateAuthorityCertificate",
)


@dataclass(frozen=True, slots=True)
class PrivateCaProof(Proof):
    """The CA is an AWS Private CA: it issues the verification certificate, for a day.

    Raises a `VerificationError` for what is not a private CA's ARN.

    Args:
        certificate_authority_arn: of the private CA; its certificate must be the plan's CA certificate.
    """

    certificate_authority_arn: str

    kind: ClassVar[str] = "PRIVATE_CA"
    signs_in_lambda: ClassVar[bool] = True
    not_rehearsable: ClassVar[str | None] = "the local AWS has no AWS Private CA"

    def __post_init__(self) -> None:
        _authority(self.certificate_authority_arn)

    @property
    def authority(self) -> Arn:
        """The parts of ``certificate_authority_arn``."""
        return _authority(self.certificate_authority_arn)

    @property
    def arns(self) -> tuple[Arn, ...]:
        return (self.authority,)

    def request_properties(self, stage_name: str | None = None) -> dict[str, str]:
        del stage_name
        return {"Type": self.kind, "CertificateAuthorityArn": self.certificate_authority_arn}

    def metadata(self, stage_name: str | None = None) -> dict[str, Any]:
        del stage_name
        return {"type": self.kind, "certificateAuthorityArn": self.certificate_authority_arn}

    def _permissions(self, target: Target, ca_certificate: CaCertificate | None) -> tuple[Permission, ...]:
        """Issue end-entity certificates from the one private CA, and never a CA certificate."""
        del target, ca_certificate
        one = (self.certificate_authority_arn,)
        return (
            Permission(("acm-pca:IssueCertificate",), one, self._end_entities()),
            Permission(_READ, one),
        )

    def foreign_policies(
        self,
        account: str,
        *,
        role_pattern: str | None = None,
        ca_certificate: CaCertificate | None = None,
    ) -> tuple[ForeignPolicy, ...]:
        """In the two statements that AWS Private CA prescribes, which know no condition on roles."""
        del role_pattern, ca_certificate
        if self.authority.account == account:
            return ()
        arn, who = self.certificate_authority_arn, {"AWS": account}
        read = (*_READ, "acm-pca:ListPermissions", "acm-pca:ListTags")
        issue = ("acm-pca:IssueCertificate",)
        policy = document(
            [
                statement("ReadForCaRegistration", who, read, {}, resource=arn),
                statement("IssueForCaRegistration", who, issue, self._end_entities(), resource=arn),
            ]
        )
        return (ForeignPolicy(arn, "resource policy", policy),)

    def _end_entities(self) -> dict[str, Any]:
        # AWS's own template is in no account and no region.
        template = Target(self.authority.partition, "", "").arn("acm-pca", "template/EndEntityCertificate/V1")
        return {"StringEquals": {"acm-pca:TemplateArn": template}}


def _authority(value: object) -> Arn:
    text = literal(value, what="the private CA", allowed="the ARN of an AWS Private CA")
    example = "arn:aws:acm-pca:eu-west-1:111111111111:certificate-authority/<id>"
    arn = parse(text, "the ARN of the private CA", example)
    if arn.service != "acm-pca" or not _RESOURCE.fullmatch(arn.resource):
        raise WrongArnError(
            "the private CA is given by the ARN of something else",
            value=text,
            allowed="arn:…:acm-pca:…:certificate-authority/…",
            fix="take the ARN that `aws acm-pca list-certificate-authorities` shows",
        )
    return arn
