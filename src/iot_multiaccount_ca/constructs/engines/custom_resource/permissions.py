"""What the registrar may do, statement by statement. Builds plain policy documents; grants nothing to anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....model.ca.certificate import CertificateMode
from ....model.policies import allow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ....model.registration import RegistrationRequest
    from ....model.target import Target

# These know no resource: AWS authorizes them on * only (Service Authorization Reference, AWS IoT).
_WITHOUT_RESOURCE = ("iot:RegisterCACertificate", "iot:ListCACertificates")


# On every CA of the account and region, not on one id: the clean-up Delete of an old CA runs under the new policy.
_ON_CA_CERTIFICATES = (
    "iot:DescribeCACertificate",
    "iot:UpdateCACertificate",
    "iot:DeleteCACertificate",
    "iot:TagResource",
    "iot:UntagResource",
    "iot:ListTagsForResource",
)


def registrar_statements(
    target: Target, *, stack_name: str, requests: Iterable[RegistrationRequest]
) -> list[dict[str, Any]]:
    """The statements of one stack's registrar: what its registrations need together, and no more."""
    registrations = list(requests)
    without_resource = list(_WITHOUT_RESOURCE)
    if any(each.certificate_mode is CertificateMode.DEFAULT for each in registrations):
        without_resource.append("iot:GetRegistrationCode")
    statements = [
        allow(without_resource, ["*"]),
        allow(list(_ON_CA_CERTIFICATES), [target.arn("iot", "cacert/*")]),
    ]
    # Whether the stack is rolling back, and whether the stack that registered the CA is gone: these names, no others.
    names = dict.fromkeys(
        [stack_name, *(each.adopt_from_stack for each in registrations if each.adopt_from_stack)]
    )
    stacks = [
        name if name.startswith("arn:") else target.arn("cloudformation", f"stack/{name}/*") for name in names
    ]
    statements.append(allow(["cloudformation:DescribeStacks"], stacks))
    passed = (
        role
        for each in registrations
        for role in (each.template.role_arn if each.template else None, each.adopt_template_role_arn)
    )
    roles = list(dict.fromkeys(role for role in passed if role is not None))
    if roles:
        statements.append(
            allow(["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}})
        )
    for each in registrations:
        if each.verification is None:
            continue
        for grant in each.verification.permissions(target, ca_certificate=each.ca_certificate):
            statement = allow(list(grant.actions), list(grant.resources), grant.conditions)
            if statement not in statements:
                statements.append(statement)
    return statements
