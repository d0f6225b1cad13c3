"""Rules of one set, and of the neutral template that it carries."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_multiaccount_ca import (
    JitpTemplateBody,
    JitrEnrollment,
    RetiringCa,
    Verification,
    errors,
)
from iot_multiaccount_ca.model.stack_set.neutral import neutral_text
from iot_multiaccount_ca.model.stack_set.request import StackSetRequest
from iot_multiaccount_ca.model.stack_set.targets import StackSetTargets
from iot_multiaccount_ca.model.stack_set.template import LONGEST_BODY
from support import plans

TARGETS = StackSetTargets(regions=["eu-west-1"], organizational_units=["ou-ab12-11111111"])


def _request(**changes: Any) -> StackSetRequest:
    return StackSetRequest(
        **{
            "name": "FleetCa",
            "ca_certificate": plans.ca(),
            "provisioning": plans.jitp(),
            "targets": TARGETS,
            **changes,
        }
    )


def _resources(request: StackSetRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.template_body)["Resources"]
    return found


def _in_a_stack(value: Any, here: dict[str, str]) -> str:
    """What CloudFormation makes of a text that is written with Fn::Join and Ref: written for this test alone."""
    if isinstance(value, str):
        return value
    [(function, argument)] = value.items()
    if function == "Ref":
        return here[argument]
    assert function == "Fn::Join"
    separator, pieces = argument
    return str(separator).join(_in_a_stack(piece, here) for piece in pieces)


def test_the_template_names_no_account_and_no_region() -> None:
    """One text for every account: 12 digits in it would be somebody's."""
    body = _request(targets=StackSetTargets(regions=["eu-west-1"], accounts=["111111111111"])).template_body
    assert "111111111111" not in body
    assert "eu-west-1" not in body
    assert "arn:aws:" not in body


def test_the_set_holds_the_ca_its_template_and_their_role() -> None:
    """SNI_ONLY, native, with the registrar's ownership tags."""
    resources = _resources(_request())
    ca = resources.pop(f"Ca{plans.ca().certificate_id[:16]}")
    assert sorted(each["Type"] for each in resources.values()) == [
        "AWS::IAM::Role",
        "AWS::IoT::ProvisioningTemplate",
    ]
    assert ca["Type"] == "AWS::IoT::CACertificate"
    properties = ca["Properties"]
    assert properties["CertificateMode"] == "SNI_ONLY"
    assert properties["RegistrationConfig"] == {"TemplateName": {"Ref": "ProvisioningTemplate"}}
    assert {each["Key"]: each["Value"] for each in properties["Tags"]} == {
        "iot-multiaccount-ca:logical-id": f"Ca{plans.ca().certificate_id[:16]}",
        "iot-multiaccount-ca:stack-id": {"Ref": "AWS::StackId"},
    }


@given(
    pieces=st.lists(
        st.one_of(
            st.sampled_from(
                ["{{account}}", "{{ region }}", "{{partition}}", "${iot:ClientId}", "${", "{", "}"]
            ),
            st.text(alphabet=st.characters(exclude_characters="{}", exclude_categories=["Cs"]), max_size=8),
        ),
        max_size=12,
    ),
    escaped=st.booleans(),
)
def test_the_neutral_text_is_what_each_stage_would_be_given(pieces: list[str], escaped: bool) -> None:
    """Whatever a body holds: filled by CloudFormation it is what `resolve` makes of it."""
    text = json.dumps(
        {**plans.jitp().body, "Mappings": {"Any": {"text": {"is": "".join(pieces)}}}}, ensure_ascii=escaped
    )
    try:
        body = JitpTemplateBody(text)
    except errors.UnknownPlaceholderError:
        return  # a brace beside a placeholder made another of it
    here = {"AWS::AccountId": "222222222222", "AWS::Region": "eu-west-1", "AWS::Partition": "aws"}
    expected = body.resolve(account="222222222222", region="eu-west-1", partition="aws")
    assert _in_a_stack(neutral_text(body.text), here) == expected


def test_retain_keeps_the_current_ca_and_never_a_retiring_one() -> None:
    """A CA that is taken out of `retiring` is deregistered, whatever becomes of leaving accounts."""
    old = plans.ca("Old CA")
    resources = _resources(_request(on_leaving="RETAIN", retiring=[RetiringCa(old, active=False)]))
    retiring = resources.pop(f"Ca{old.certificate_id[:16]}")
    assert "DeletionPolicy" not in retiring
    assert retiring["Properties"]["Status"] == "INACTIVE"
    assert {each["DeletionPolicy"] for each in resources.values()} == {"RetainExceptOnCreate"}


def test_leaving_accounts_lose_their_registration_unless_told() -> None:
    """DESTROY, as everywhere."""
    assert _request().properties()["AutoDeployment"] == {
        "Enabled": True,
        "RetainStacksOnAccountRemoval": False,
    }
    assert not any("DeletionPolicy" in each for each in _resources(_request()).values())


def test_listed_accounts_have_no_automatic_deployment() -> None:
    """CloudFormation refuses it for self-managed permissions."""
    request = _request(targets=StackSetTargets(regions=["eu-west-1"], accounts=["111111111111"]))
    assert "AutoDeployment" not in request.properties()
    assert request.properties()["PermissionModel"] == "SELF_MANAGED"


def test_a_body_that_is_too_long_says_what_takes_the_space() -> None:
    """In bytes, and before anything is deployed."""
    old = [RetiringCa(plans.ca(f"Old CA {number}")) for number in range(60)]
    with pytest.raises(errors.StackSetBodyTooLongError, match=r"bytes, of which .*allowed: 51,200"):
        _request(retiring=old)
    assert len(_request(retiring=old[:9]).template_body.encode()) <= LONGEST_BODY


def test_a_body_may_have_every_byte_that_cloudformation_takes() -> None:
    """51,200 of them, counted in UTF-8; one more is refused."""
    old = [RetiringCa(plans.ca(f"Old CA {number}")) for number in range(60)]

    def padded(text: str, retiring: list[RetiringCa]) -> StackSetRequest:
        body = {**plans.jitp().body, "Mappings": {"Any": {"text": {"is": text}}}}
        return _request(
            retiring=retiring, provisioning=JitpTemplateBody(json.dumps(body, ensure_ascii=False))
        )

    sizes = [len(padded("é", old[:number]).template_body.encode()) for number in (0, 1)]
    room = LONGEST_BODY - sizes[0]
    most = old[: room // (sizes[1] - sizes[0]) - 1]
    left = LONGEST_BODY - len(padded("é", most).template_body.encode())
    longest = padded("é" + "x" * left, most)
    assert len(longest.template_body.encode()) == 51_200
    assert len(longest.template_body) < 51_200
    with pytest.raises(errors.StackSetBodyTooLongError, match="51,201 bytes"):
        padded("é" + "x" * (left + 1), most)


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"provisioning": JitrEnrollment(policy="p")}, errors.UnsupportedInSetError, "needs a Lambda"),
        ({"provisioning": "jitp.json"}, errors.InvalidTypeError, "another kind"),
        (
            {"retiring": [RetiringCa(plans.ca("Old"), verification=Verification.from_secret("key"))]},
            errors.UnsupportedInSetError,
            "takes no proof",
        ),
        ({"retiring": [RetiringCa(plans.ca())]}, errors.DuplicateCaError, "stands twice"),
        ({"retiring": RetiringCa(plans.ca("Old"))}, errors.InvalidTypeError, "not a list"),
        ({"active": "false"}, errors.InvalidFlagError, "neither True nor False"),
        ({"name": "fleet_ca"}, errors.InvalidNameError, "name of the set"),
        ({"on_leaving": "SNAPSHOT"}, errors.InvalidRemovalPolicyError, "removal policy"),
        ({"operation": {"strict": True}}, errors.InvalidTypeError, "StackSetOperation"),
        ({"ca_certificate": "ca.pem"}, errors.InvalidTypeError, "CaCertificate"),
        (
            {
                "delegated_administrator": True,
                "targets": StackSetTargets(regions=["eu-west-1"], accounts=["111111111111"]),
            },
            errors.UnsupportedInSetError,
            "delegated_administrator",
        ),
    ],
)
def test_a_set_that_cannot_be_is_refused(
    changes: dict[str, Any], kind: type[errors.SharedCaError], said: str
) -> None:
    """One class per cause, when the request is made and when it is changed."""
    with pytest.raises(kind, match=said):
        _request(**changes)
    with pytest.raises(kind, match=said):
        attrs.evolve(_request(), **changes)
