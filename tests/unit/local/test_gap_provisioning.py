"""Just-in-time provisioning, from the device certificate's subject, under the provisioning role."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.local.device import DeviceCertificate, Outcome
from support.certificates import make_ca, make_device
from support.local_accounts import (
    LocalAccount,
    connect,
    device_of,
    policy_document,
)

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws

CERTIFICATE = {
    "Type": "AWS::IoT::Certificate",
    "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"},
}


def body(*parameters: str, defaults: dict[str, str] | None = None, **properties: Any) -> str:
    """A template body with a thing of these properties; parameters by their last word."""
    declared: dict[str, Any] = {
        f"AWS::IoT::Certificate::{name}": {"Type": "String"} for name in (*parameters, "Id")
    }
    for name, value in (defaults or {}).items():
        declared[f"AWS::IoT::Certificate::{name}"]["Default"] = value
    thing = {"Type": "AWS::IoT::Thing", "Properties": properties}
    return json.dumps({"Parameters": declared, "Resources": {"thing": thing, "certificate": CERTIFICATE}})


def ref(name: str) -> dict[str, str]:
    """A reference to a parameter by its last word."""
    return {"Ref": f"AWS::IoT::Certificate::{name}"}


def test_the_first_connect_provisions(aws: LocalAws, places: list[LocalAccount]) -> None:
    """An unknown device is cut off and then has an ACTIVE certificate, a thing and its policy; it connects again."""
    place, ca = places[0], make_ca("ec-p256", common_name="JITP")
    place.register(ca, registrationConfig={"templateName": place.template()})
    device = device_of(ca)
    assert place.status_of(device) is None
    assert connect(aws, device, place.endpoint) is Outcome.CUT_OFF
    found = place.iot.describe_certificate(certificateId=device.certificate_id)["certificateDescription"]
    assert (found["status"], found["certificateMode"]) == ("ACTIVE", "SNI_ONLY")
    assert place.iot.list_principal_things(principal=found["certificateArn"])["things"] == ["device-1"]
    assert len(place.iot.list_attached_policies(target=found["certificateArn"])["policies"]) == 1
    assert connect(aws, device, place.endpoint) is Outcome.CONNECTED


def test_parameters_come_from_the_certificate(aws: LocalAws, places: list[LocalAccount]) -> None:
    """Each parameter that a JITP template may declare: fields of the subject, and the certificate's serial number."""
    place, ca = places[0], make_ca("ec-p256", common_name="JITP subject")
    fields = {
        "Country": "country",
        "Organization": "organization",
        "OrganizationalUnit": "organizational_unit",
        "DistinguishedNameQualifier": "dn_qualifier",
        "StateName": "state",
    }
    subject = dict.fromkeys(fields.values(), "")
    subject |= {field: f"a-{field.replace('_', '-')}" for field in subject} | {"country": "NZ"}
    made = make_device(ca, "of-many-fields", subject=subject, serial_number=0xC0FFEE)
    attributes = {name.lower(): ref(name) for name in (*fields, "SerialNumber")}
    template = body(
        *fields,
        "SerialNumber",
        "CommonName",
        ThingName=ref("CommonName"),
        AttributePayload={**attributes, "id": ref("Id")},
    )
    place.register(ca, registrationConfig={"templateName": place.template(body=template)})
    device = DeviceCertificate(made.pem, made.key_pem, "of-many-fields")
    connect(aws, device, place.endpoint)
    thing = place.iot.describe_thing(thingName="of-many-fields")
    assert thing["attributes"] == {
        **{name.lower(): subject[field] for name, field in fields.items()},
        "serialnumber": str(0xC0FFEE),
        "id": device.certificate_id,
    }


def test_values_keep_the_escapes_of_a_subjects_text(aws: LocalAws, places: list[LocalAccount]) -> None:
    """As RFC 2253 writes them: a backslash before =, comma, plus and their like."""
    place, ca = places[0], make_ca("ec-p256", common_name="JITP escapes")
    template = body(
        "Organization", "CommonName", ThingName=ref("CommonName"), AttributePayload={"o": ref("Organization")}
    )
    place.register(ca, registrationConfig={"templateName": place.template(body=template)})
    for number, (written, arrives) in enumerate(
        {"a=b": "a\\=b", "a,b+c": "a\\,b\\+c", "#a ": "\\#a\\ "}.items()
    ):
        made = make_device(ca, f"escaped-{number}", subject={"organization": written})
        connect(aws, DeviceCertificate(made.pem, made.key_pem, f"escaped-{number}"), place.endpoint)
        assert place.iot.describe_thing(thingName=f"escaped-{number}")["attributes"] == {"o": arrives}


def test_a_declared_field_that_the_subject_lacks(aws: LocalAws, places: list[LocalAccount]) -> None:
    """A declared parameter that the subject lacks fails the provisioning, used or not; with a Default it does not."""
    place, ca = places[0], make_ca("ec-p256", common_name="JITP lacking")
    role = place.provisioning_role()
    made = make_device(ca, "bare")
    device = DeviceCertificate(made.pem, made.key_pem, "bare")
    strict = place.template(
        "strict", body=body("OrganizationalUnit", ThingName="a-thing"), provisioningRoleArn=role
    )
    relaxed = place.template(
        "relaxed",
        body=body(
            "OrganizationalUnit", defaults={"OrganizationalUnit": "none"}, ThingName=ref("OrganizationalUnit")
        ),
        provisioningRoleArn=role,
    )
    certificate_id = place.register(ca, registrationConfig={"templateName": strict})
    connect(aws, device, place.endpoint)
    assert place.status_of(device) == "PENDING_ACTIVATION"
    assert "OrganizationalUnit, which has no Default" in aws.log.read_text(encoding="utf-8")
    place.iot.update_ca_certificate(
        certificateId=certificate_id, registrationConfig={"templateName": relaxed}
    )
    connect(aws, device, place.endpoint)
    assert place.status_of(device) == "ACTIVE"
    assert place.iot.describe_thing(thingName="none")["thingName"] == "none"


def test_a_template_body_in_the_registration(aws: LocalAws, places: list[LocalAccount]) -> None:
    """registrationConfig with templateBody and roleArn serves as a template does."""
    place, ca = places[0], make_ca("ec-p256", common_name="JITP inline")
    config = {"templateBody": place.body(), "roleArn": place.provisioning_role()}
    place.register(ca, registrationConfig=config)
    device = device_of(ca)
    connect(aws, device, place.endpoint)
    assert place.status_of(device) == "ACTIVE"


@pytest.mark.parametrize(
    "settings", [{"type": "FLEET_PROVISIONING"}, {"enabled": False}], ids=["fleet template", "not enabled"]
)
def test_a_template_that_is_not_for_it(
    aws: LocalAws, places: list[LocalAccount], settings: dict[str, Any]
) -> None:
    """Only an enabled template of type JITP provisions; the certificate stays PENDING_ACTIVATION."""
    place, ca = places[0], make_ca("ec-p256", common_name=f"JITP {settings}")
    place.register(ca, registrationConfig={"templateName": place.template(**settings)})
    device = device_of(ca)
    assert connect(aws, device, place.endpoint) is Outcome.CUT_OFF
    assert place.status_of(device) == "PENDING_ACTIVATION"
    assert connect(aws, device, place.endpoint) is Outcome.CUT_OFF


def test_a_role_that_may_not(aws: LocalAws, places: list[LocalAccount]) -> None:
    """The template is applied under the provisioning role: one that may nothing provisions nothing."""
    place, ca = places[0], make_ca("ec-p256", common_name="JITP role")
    role = place.provisioning_role("arn:aws:iam::aws:policy/AWSLambdaExecute")
    place.register(ca, registrationConfig={"templateName": place.template(provisioningRoleArn=role)})
    device = device_of(ca)
    connect(aws, device, place.endpoint)
    assert place.status_of(device) == "PENDING_ACTIVATION"
    assert place.iot.list_things()["things"] == []


def test_a_role_that_iot_cannot_assume(aws: LocalAws, places: list[LocalAccount]) -> None:
    """A role that does not trust iot.amazonaws.com provisions nothing."""
    place, ca = places[0], make_ca("ec-p256", common_name="JITP trust")
    role = place.provisioning_role()
    iam = aws.client("iam", account=place.account, region=place.region)
    trust = policy_document("sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"})
    iam.update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=trust)
    place.register(ca, registrationConfig={"templateName": place.template(provisioningRoleArn=role)})
    device = device_of(ca)
    connect(aws, device, place.endpoint)
    assert place.status_of(device) == "PENDING_ACTIVATION"


def test_without_a_template_it_is_registered_only(aws: LocalAws, places: list[LocalAccount]) -> None:
    """Just-in-time registration alone leaves a PENDING_ACTIVATION certificate of the CA, and no thing."""
    place, ca = places[0], make_ca("ec-p256", common_name="JITR only")
    certificate_id = place.register(ca)
    device = device_of(ca)
    connect(aws, device, place.endpoint)
    found = place.iot.describe_certificate(certificateId=device.certificate_id)["certificateDescription"]
    assert (found["status"], found["caCertificateId"]) == ("PENDING_ACTIVATION", certificate_id)
    assert place.iot.list_things()["things"] == []


@pytest.mark.parametrize("settings", [{"setAsActive": False}, {"allowAutoRegistration": False}])
def test_a_ca_that_lets_nobody_in(
    aws: LocalAws, places: list[LocalAccount], settings: dict[str, Any]
) -> None:
    """An INACTIVE CA, or one without auto-registration, registers no device."""
    place, ca = places[0], make_ca("ec-p256", common_name=f"closed {settings}")
    place.register(ca, registrationConfig={"templateName": place.template()}, **settings)
    device = device_of(ca)
    assert connect(aws, device, place.endpoint) is Outcome.CUT_OFF
    assert place.status_of(device) is None
