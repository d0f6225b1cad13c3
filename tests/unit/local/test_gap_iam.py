"""Calls on a CA are authorized on its ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from support.certificates import make_ca
from support.local_accounts import LocalAccount, policy_document

if TYPE_CHECKING:
    from collections.abc import Callable


def assumed(place: LocalAccount, *statements: tuple[list[str], str]) -> Any:
    """An IoT client of a role that may do these actions on these resources."""
    documents = [policy_document(actions, Resource=resource) for actions, resource in statements]
    return place.assumed("iot", *documents)


def is_denied(call: Callable[[], object]) -> bool:
    """Whether IAM denies a call."""
    try:
        call()
    except ClientError as error:
        return "AccessDenied" in error.response["Error"]["Code"] or "not authorized" in str(error)
    return False


def test_calls_on_a_ca_are_granted_on_its_arn(places: list[LocalAccount]) -> None:
    """Describe, Update and Delete are allowed by a policy on the CA's ARN, and denied on another CA."""
    place = places[0]
    mine, other = (place.register(make_ca("ec-p256", common_name=name)) for name in ("my CA", "their CA"))
    actions = ["iot:DescribeCACertificate", "iot:UpdateCACertificate", "iot:DeleteCACertificate"]
    iot = assumed(place, (actions, f"arn:aws:iot:{place.region}:{place.account}:cacert/{mine}"))
    calls: list[Callable[[str], object]] = [
        lambda ca: iot.describe_ca_certificate(certificateId=ca),
        lambda ca: iot.update_ca_certificate(certificateId=ca, newStatus="INACTIVE"),
        lambda ca: iot.delete_ca_certificate(certificateId=ca),
    ]
    assert [is_denied(lambda call=call: call(other)) for call in calls] == [True, True, True]  # type: ignore[misc]
    assert [is_denied(lambda call=call: call(mine)) for call in calls] == [False, False, False]  # type: ignore[misc]


@pytest.mark.parametrize(("resource", "denied"), [("*", False), ("arn:aws:iot:*:*:cacert/*", True)])
def test_calls_that_know_no_resource_need_a_star(
    places: list[LocalAccount], resource: str, denied: bool
) -> None:
    """RegisterCACertificate, GetRegistrationCode and ListCACertificates are granted on ``*`` alone."""
    place = places[0]
    actions = ["iot:RegisterCACertificate", "iot:GetRegistrationCode", "iot:ListCACertificates"]
    iot = assumed(place, (actions, resource))
    pem = make_ca("ec-p256", common_name=f"on {resource}").pem
    calls = [
        lambda: iot.register_ca_certificate(caCertificate=pem, certificateMode="SNI_ONLY"),
        iot.get_registration_code,
        iot.list_ca_certificates,
    ]
    assert [is_denied(call) for call in calls] == [denied] * 3


def test_attachments_are_granted_on_the_certificates_arn(places: list[LocalAccount]) -> None:
    """AttachPolicy and AttachThingPrincipal: on the certificate, neither on the policy nor on the thing."""
    place = places[0]
    mine, other = (
        place.iot.create_keys_and_certificate(setAsActive=True)["certificateArn"] for _ in range(2)
    )
    place.iot.create_thing(thingName="a-thing")
    document = policy_document("iot:Connect", Resource="*")
    place.iot.create_policy(policyName="a-policy", policyDocument=document)
    iot = assumed(place, (["iot:AttachPolicy", "iot:AttachThingPrincipal"], mine))
    calls: list[Callable[[str], object]] = [
        lambda target: iot.attach_policy(policyName="a-policy", target=target),
        lambda target: iot.attach_thing_principal(thingName="a-thing", principal=target),
    ]
    assert [is_denied(lambda call=call: call(other)) for call in calls] == [True, True]  # type: ignore[misc]
    assert [is_denied(lambda call=call: call(mine)) for call in calls] == [False, False]  # type: ignore[misc]
