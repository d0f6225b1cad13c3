"""Calls on a CA are authorized on its ARN, and a role is only given to AWS IoT by who may pass it."""

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


def _template_of_others(place: LocalAccount) -> tuple[str, str]:
    """A template of that account, and the ARN of its role."""
    role = place.provisioning_role()
    return place.template(provisioningRoleArn=role), role


@pytest.mark.parametrize(
    "way", ["RegisterCACertificate", "UpdateCACertificate", "CreateProvisioningTemplate"]
)
def test_a_role_is_given_by_who_may_pass_it(places: list[LocalAccount], way: str) -> None:
    """By a template's name as by its ARN: denied without iam:PassRole on it, and for another service."""
    place = places[0]
    template, role = _template_of_others(place)
    held = place.register(make_ca("ec-p256", common_name=f"passed by {way}"))
    pem = make_ca("ec-p256", common_name=f"new by {way}").pem
    config = {"templateName": template}
    made = {"templateName": "another", "templateBody": place.body(), "provisioningRoleArn": role}

    def call(iot: Any) -> None:
        if way == "RegisterCACertificate":
            iot.register_ca_certificate(
                caCertificate=pem, certificateMode="SNI_ONLY", registrationConfig=config
            )
        elif way == "UpdateCACertificate":
            iot.update_ca_certificate(certificateId=held, registrationConfig=config)
        else:
            iot.create_provisioning_template(**made)

    def limited(service: str) -> Any:
        condition = {"StringEquals": {"iam:PassedToService": service}}
        pass_role = policy_document("iam:PassRole", Resource=role, Condition=condition)
        return place.assumed("iot", policy_document(f"iot:{way}", Resource="*"), pass_role)

    for without in (assumed(place, ([f"iot:{way}"], "*")), limited("lambda.amazonaws.com")):
        with pytest.raises(ClientError, match=f"iam:PassRole on resource: {role}"):
            call(without)
    call(limited("iot.amazonaws.com"))


def test_an_update_that_gives_no_role_passes_none(places: list[LocalAccount]) -> None:
    """A status, or a template taken off, needs no iam:PassRole."""
    place = places[0]
    template, _ = _template_of_others(place)
    ca = place.register(
        make_ca("ec-p256", common_name="no role"), registrationConfig={"templateName": template}
    )
    iot = assumed(place, (["iot:UpdateCACertificate"], "*"))
    iot.update_ca_certificate(certificateId=ca, newStatus="INACTIVE")
    iot.update_ca_certificate(certificateId=ca, removeAutoRegistration=True)
