"""What AWS IoT refuses to register, and what it tells of what is registered."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from iot_multiaccount_ca.local.emulator import LocalAws
from iot_multiaccount_ca.local.gaps.registration import SECOND_DEFAULT_VARIABLE
from support.certificates import NOW, make_ca, make_verification_certificate
from support.local_accounts import LocalAccount

if TYPE_CHECKING:
    from collections.abc import Callable

LONG_AGO = NOW - dt.timedelta(days=400)


def refusal(call: Callable[[], object]) -> tuple[str, int, str]:
    """Code, HTTP status and message of the error that a call must raise."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Message"]


def test_a_second_default_account_is_refused(places: list[LocalAccount]) -> None:
    """One account per region holds a CA in DEFAULT mode."""
    ca = make_ca("ec-p256", common_name="one DEFAULT")
    certificate_id = places[0].register(ca, "DEFAULT")
    code, status, message = refusal(lambda: places[1].register(ca, "DEFAULT"))
    assert (code, status) == ("ResourceAlreadyExistsException", 409)
    assert certificate_id in message


def test_another_region_has_a_default_account_of_its_own(places: list[LocalAccount]) -> None:
    """DEFAULT in one region says nothing about another."""
    ca = make_ca("ec-p256", common_name="a DEFAULT a region")
    places[0].register(ca, "DEFAULT")
    LocalAccount(places[0].aws, places[1].account, "us-east-1").register(ca, "DEFAULT")


def test_sni_only_beside_a_default_account(places: list[LocalAccount]) -> None:
    """Any number of accounts hold a CA in SNI_ONLY mode, beside the DEFAULT one."""
    ca = make_ca("ec-p256", common_name="DEFAULT and SNI_ONLY")
    places[0].register(ca, "DEFAULT")
    for place in places[1:]:
        place.register(ca)


def test_default_is_free_again_after_a_delete(places: list[LocalAccount]) -> None:
    """A region whose DEFAULT account deleted the CA has no owner."""
    ca = make_ca("ec-p256", common_name="a hand-over")
    certificate_id = places[0].register(ca, "DEFAULT", setAsActive=False)
    places[0].iot.delete_ca_certificate(certificateId=certificate_id)
    places[1].register(ca, "DEFAULT")


def test_the_error_of_a_second_default_account_can_be_chosen() -> None:
    """Which error AWS answers is in no document: any of RegisterCACertificate's can be rehearsed."""
    with LocalAws(settings={SECOND_DEFAULT_VARIABLE: "LimitExceededException"}) as aws:
        ca = make_ca("ec-p256", common_name="chosen error")
        LocalAccount(aws, "111111111111").register(ca, "DEFAULT")
        code, status, _ = refusal(lambda: LocalAccount(aws, "222222222222").register(ca, "DEFAULT"))
    assert (code, status) == ("LimitExceededException", 410)


@pytest.mark.parametrize(
    ("how", "about"),
    [
        ({"ca": False}, "CA:FALSE"),
        ({"ca": None}, "basicConstraints"),
        ({"algorithm": "rsa-1024"}, "1024 bits"),
        ({"algorithm": "ec-secp256k1"}, "secp256k1"),
        ({"algorithm": "ed25519"}, "key algorithm"),
        ({"algorithm": "rsa-2048", "signature_hash": "sha1"}, "signature algorithm"),
        ({"not_before": LONG_AGO, "not_after": NOW - dt.timedelta(days=1)}, "expired"),
    ],
)
def test_a_ca_that_aws_refuses(places: list[LocalAccount], how: dict[str, Any], about: str) -> None:
    """No CA, an expired one, a weak or unsupported key or signature: CertificateValidationException."""
    ca = make_ca(how.pop("algorithm", "ec-p256"), common_name=f"refused for {about}", **how)
    code, status, message = refusal(lambda: places[0].register(ca))
    assert (code, status) == ("CertificateValidationException", 400)
    assert about in message


def test_an_expired_verification_certificate_is_refused(places: list[LocalAccount]) -> None:
    """A verification certificate must be valid when it is used."""
    ca = make_ca("ec-p256", common_name="late proof")
    code_of_account = places[0].iot.get_registration_code()["registrationCode"]
    proof = make_verification_certificate(
        ca, code_of_account, not_before=LONG_AGO, not_after=NOW - dt.timedelta(days=1)
    )
    code, _, message = refusal(lambda: places[0].register(ca, "DEFAULT", verificationCertificate=proof))
    assert code == "CertificateValidationException"
    assert "verification certificate expired" in message


def test_ten_cas_of_one_subject(places: list[LocalAccount]) -> None:
    """An account holds ten CAs of one subject in a region, and no eleventh; other subjects and accounts are free."""
    cas = [make_ca("ec-p256", common_name="ten of us", key_name=f"key {number}") for number in range(11)]
    for ca in cas[:10]:
        places[0].register(ca)
    code, status, _ = refusal(lambda: places[0].register(cas[10]))
    assert (code, status) == ("LimitExceededException", 410)
    places[0].register(make_ca("ec-p256", common_name="another subject"))
    places[1].register(cas[10])


def test_list_goes_in_pages_both_ways(places: list[LocalAccount]) -> None:
    """ListCACertificates honours pageSize, marker and ascendingOrder."""
    ids = [places[0].register(make_ca("ec-p256", common_name=f"page {number}")) for number in range(5)]
    pages = places[0].iot.get_paginator("list_ca_certificates")

    def listed(**how: Any) -> list[list[str]]:
        return [[ca["certificateId"] for ca in page["certificates"]] for page in pages.paginate(**how)]

    assert listed(pageSize=2, ascendingOrder=True) == [ids[:2], ids[2:4], ids[4:]]
    assert listed(pageSize=2) == [ids[4:2:-1], ids[2:0:-1], ids[:1]]


@pytest.mark.parametrize("how", [{"pageSize": 251}, {"marker": "bm90IG91cnM="}])
def test_a_page_that_cannot_be(places: list[LocalAccount], how: dict[str, Any]) -> None:
    """At most 250 a page, and only markers that AWS gave."""
    assert refusal(lambda: places[0].iot.list_ca_certificates(**how))[0] == "InvalidRequestException"


def test_list_of_a_template(places: list[LocalAccount]) -> None:
    """ListCACertificates by templateName finds the CAs that use it."""
    template = places[0].template()
    places[0].register(make_ca("ec-p256", common_name="without a template"))
    user = places[0].register(
        make_ca("ec-p256", common_name="with a template"), registrationConfig={"templateName": template}
    )
    found = places[0].iot.list_ca_certificates(templateName=template)["certificates"]
    assert [ca["certificateId"] for ca in found] == [user]


def test_describe_tells_validity_and_version(places: list[LocalAccount]) -> None:
    """DescribeCACertificate has validity, generation id, customer version and the last change."""
    ca = make_ca("ec-p256", common_name="described")
    certificate_id = places[0].register(ca)

    def described() -> dict[str, Any]:
        answer: dict[str, Any] = places[0].iot.describe_ca_certificate(certificateId=certificate_id)
        found: dict[str, Any] = answer["certificateDescription"]
        return found

    first = described()
    assert first["validity"] == {
        "notBefore": ca.certificate.not_valid_before_utc,
        "notAfter": ca.certificate.not_valid_after_utc,
    }
    assert first["customerVersion"] == 1
    places[0].iot.update_ca_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    second = described()
    assert second["generationId"] == first["generationId"]
    assert second["customerVersion"] == 2
    assert second["lastModifiedDate"] > first["lastModifiedDate"]


def test_removing_auto_registration_drops_the_registration_config(places: list[LocalAccount]) -> None:
    """UpdateCACertificate removeAutoRegistration leaves neither auto-registration nor a template."""
    certificate_id = places[0].register(
        make_ca("ec-p256", common_name="detached"), registrationConfig={"templateName": places[0].template()}
    )
    places[0].iot.update_ca_certificate(certificateId=certificate_id, removeAutoRegistration=True)
    answer = places[0].iot.describe_ca_certificate(certificateId=certificate_id)
    assert answer["certificateDescription"]["autoRegistrationStatus"] == "DISABLE"
    assert "registrationConfig" not in answer


def test_a_template_in_use_is_not_deleted(places: list[LocalAccount]) -> None:
    """DeleteProvisioningTemplate refuses while a CA uses the template."""
    iot, template = places[0].iot, places[0].template()
    certificate_id = places[0].register(
        make_ca("ec-p256", common_name="a user"), registrationConfig={"templateName": template}
    )
    assert refusal(lambda: iot.delete_provisioning_template(templateName=template))[:2] == (
        "DeleteConflictException",
        409,
    )
    iot.update_ca_certificate(certificateId=certificate_id, removeAutoRegistration=True)
    iot.delete_provisioning_template(templateName=template)


def test_a_template_in_use_keeps_its_stack(places: list[LocalAccount]) -> None:
    """CloudFormation reports the template that it cannot delete, and the template stays."""
    place = places[0]
    resource = {
        "Type": "AWS::IoT::ProvisioningTemplate",
        "Properties": {
            "TemplateName": "of-a-stack",
            "TemplateType": "JITP",
            "ProvisioningRoleArn": place.provisioning_role(),
            "TemplateBody": place.body(),
        },
    }
    assert place.create_stack("holder", {"Template": resource}) == "CREATE_COMPLETE"
    place.register(
        make_ca("ec-p256", common_name="outside the stack"), registrationConfig={"templateName": "of-a-stack"}
    )
    assert place.delete_stack("holder") == "DELETE_FAILED"
    assert place.iot.describe_provisioning_template(templateName="of-a-stack")["templateName"] == "of-a-stack"


def test_a_template_of_a_name_that_is_taken_is_not_made(places: list[LocalAccount]) -> None:
    """A stack that declares it fails and rolls back, and the one that is there stays as it was."""
    place = places[0]
    place.template("taken", description="theirs")
    resource = {
        "Type": "AWS::IoT::ProvisioningTemplate",
        "Properties": {
            "TemplateName": "taken",
            "TemplateType": "JITP",
            "ProvisioningRoleArn": place.provisioning_role(),
            "TemplateBody": place.body(),
        },
    }
    assert place.create_stack("second", {"Template": resource}) == "ROLLBACK_COMPLETE"
    assert place.iot.describe_provisioning_template(templateName="taken")["description"] == "theirs"


def test_a_template_of_a_stack_may_change_at_the_limit_of_versions(places: list[LocalAccount]) -> None:
    """Its handler deletes the oldest of the five that a template may have."""
    place = places[0]
    properties = {
        "TemplateName": "changing",
        "TemplateType": "JITP",
        "ProvisioningRoleArn": place.provisioning_role(),
    }
    bodies = [
        json.dumps({**json.loads(place.body()), "DeviceConfiguration": {"n": str(n)}}) for n in range(7)
    ]
    how = [
        {"T": {"Type": "AWS::IoT::ProvisioningTemplate", "Properties": {**properties, "TemplateBody": body}}}
        for body in bodies
    ]
    assert place.create_stack("changes", how[0]) == "CREATE_COMPLETE"
    for each in how[1:]:
        assert place.update_stack("changes", each) == "UPDATE_COMPLETE"
    assert place.iot.describe_provisioning_template(templateName="changing")["templateBody"] == bodies[-1]
    versions = place.iot.list_provisioning_template_versions(templateName="changing")["versions"]
    assert len(versions) == 5
