"""The lint beside the dry run: what no device can escape is refused when the body is made, and nothing else."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.jitp.lint import lint, with_text_policies
from iot_multiaccount_ca.model.jitp.simulation import dry_run
from iot_multiaccount_ca.model.jitp.template_body import JitpTemplateBody
from support.simulation_table import POLICY, certificate_of, ref, template
from support.template_strategies import MAPPINGS, things, values

# What a device may have in its common name: among them is one that gets through, if any device does.
_DEVICES = [
    certificate_of((f"CN={name}", f"OU={unit}"))
    for name in ("a", "b c", "x-x-x", "", "ACTIVE", "0", "1", "2", "c")
    for unit in ("a", "x-x-x", "", "ACTIVE", "0", "2")
]


@settings(max_examples=200, deadline=None)
@given(things, st.one_of(st.just("ACTIVE"), values), st.one_of(st.none(), values))
def test_the_lint_and_the_dry_run_agree(thing: dict[str, Any], status: Any, policy: Any) -> None:
    """Refused: the dry run has an error for every device. Taken: for each property alone some device has none."""
    properties = {"PolicyDocument": POLICY} if policy is None else {"PolicyName": policy}
    body = template(
        "CommonName",
        "OrganizationalUnit",
        thing=thing,
        status=status,
        policy=properties,
        mappings=MAPPINGS,
    )
    runs = [dry_run(body, each) for each in _DEVICES]
    try:
        lint(body)
    except errors.ProvisioningTemplateError as error:
        if isinstance(
            error, (errors.UnknownFunctionError, errors.ImpossibleValueError, errors.CertificateResourceError)
        ):
            assert not any(run.provisioned for run in runs)
        else:
            raise
    else:
        in_all = set.intersection(*({(e.code, e.problem) for e in run.errors} for run in runs))
        assert not in_all


_CN = ref("CommonName")


def _sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text.replace("CN", "${AWS::IoT::Certificate::CommonName}")}


@pytest.mark.parametrize(
    "name",
    [
        {"Fn::Select": ["0", {"Fn::Split": ["", _CN]}]},
        {"Fn::Select": ["0", {"Fn::Split": [",", [_CN]]}]},
        {"Fn::Select": ["0", {"Fn::Split": [_CN, _CN]}]},
        {"Fn::Select": [_CN, "abc"]},
        {"Fn::Select": [_CN, _CN]},
        {"Fn::Select": [_CN, []]},
        {"Fn::Select": [_CN, [None]]},
        {"Fn::Select": [_CN, ["a b", "c d"]]},
        {"Fn::Select": [_sub("aCN"), ["a"]]},
        {"Fn::Select": [[_CN], ["a"]]},
        {"Fn::FindInMap": ["Sites", _sub("zCN"), "site"]},
        {"Fn::FindInMap": ["Sites", _CN, _sub("zCN")]},
        {"Fn::FindInMap": ["Sites", "none", _sub("CN")]},
    ],
    ids=itertools.count(),
)
def test_a_function_that_fails_for_every_device_is_refused(name: Any) -> None:
    """Whatever of it hangs on the device."""
    with pytest.raises((errors.UnknownFunctionError, errors.ImpossibleValueError)):
        JitpTemplateBody.from_dict(template("CommonName", thing={"ThingName": name}, mappings=MAPPINGS))


@pytest.mark.parametrize(
    ("name", "common_name", "made"),
    [
        ({"Fn::Select": [_CN, ["a b", "cd"]]}, "1", "cd"),
        ({"Fn::Select": [_CN, [_CN, "a b"]]}, "0", "0"),
        ({"Fn::Select": [_sub("0CN"), ["a b", "cd"]]}, "1", "cd"),
        ({"Fn::Select": [_CN, {"Fn::Split": ["-", _CN]}]}, "0", "0"),
        ({"Fn::Select": ["1", {"Fn::Split": [_CN, "axb"]}]}, "x", "b"),
        ({"Fn::FindInMap": ["Sites", _sub("CN"), "site"]}, "a", "north"),
        ({"Fn::FindInMap": ["Sites", "a", _sub("siCN")]}, "te", "north"),
    ],
    ids=itertools.count(),
)
def test_a_function_that_one_device_can_use_is_taken(name: Any, common_name: str, made: str) -> None:
    """That device's thing is made."""
    body = JitpTemplateBody.from_dict(template("CommonName", thing={"ThingName": name}, mappings=MAPPINGS))
    run = body.render(certificate_of((f"CN={common_name}",)))
    assert (run.provisioned, run.thing_name) == (True, made)


@pytest.mark.parametrize(
    ("value", "legal"),
    [
        ("EXCLUSIVE_THING", True),
        ("NON_EXCLUSIVE_THING", True),
        ("exclusive_thing", False),
        ("", False),
        (["EXCLUSIVE_THING"], False),
        ({"ref": "AWS::IoT::Certificate::CommonName"}, False),
    ],
)
def test_how_a_thing_is_attached_is_one_of_awss_words(value: Any, legal: bool) -> None:
    """Checked in the certificate's resource, as its Status is."""
    body = template("CommonName", thing={"ThingName": _CN})
    body["Resources"]["certificate"]["Properties"]["ThingPrincipalType"] = value
    if legal:
        assert JitpTemplateBody.from_dict(body).warnings == ()
    else:
        with pytest.raises(
            errors.ImpossibleValueError, match="takes EXCLUSIVE_THING and NON_EXCLUSIVE_THING"
        ):
            JitpTemplateBody.from_dict(body)


@pytest.mark.parametrize(
    ("around", "fix"),
    [
        ({"roleArn": "arn", "templateBody": "{}"}, "give the templateBody"),
        ({"registrationConfig": {"templateBody": "{}"}}, "give the templateBody"),
        ({"RegistrationConfig": {"TemplateBody": "{}"}}, "give the templateBody"),
        ({"templateName": "fleet", "type": "JITP", "templateBody": "{}"}, "give the templateBody"),
        ({"roleArn": "arn", "templateName": "fleet"}, "give the body of the template that it names"),
        ({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}}, "give the TemplateBody"),
        (
            {"Resources": {"t": {"Type": "AWS::IoT::ProvisioningTemplate", "Properties": {}}}},
            "the TemplateBody",
        ),
    ],
    ids=itertools.count(),
)
def test_what_stands_around_a_template_is_no_template(around: dict[str, Any], fix: str) -> None:
    """Calls, answers and CloudFormation's template are called by their name, with what to give instead."""
    with pytest.raises(errors.UnknownSectionError, match=fix):
        JitpTemplateBody.from_dict(around)


@pytest.mark.parametrize("section", ["Parameters", "Mappings", "Resources", "DeviceConfiguration"])
@pytest.mark.parametrize("value", [[], "text", None, 1])
def test_a_section_is_an_object(section: str, value: Any) -> None:
    """Each of them."""
    with pytest.raises(errors.TemplateSectionError, match=section):
        JitpTemplateBody.from_dict(template("CommonName") | {section: value})


@pytest.mark.parametrize(
    ("overrides", "word"),
    [
        ({"thing": {"ThingTypeName": "MERGE"}}, "MERGE is for AttributePayload and ThingGroups"),
        ({"thing": {"ThingName": "REPLACE"}}, "ThingName"),
        ({"thing": {"Nothing": "REPLACE"}}, "Nothing"),
        ({"thing": {"ThingGroups": ["MERGE"]}}, "MERGE"),
        ({"certificate": {"Status": "MERGE"}}, "MERGE"),
        ({"policy": {"PolicyName": "REPLACE"}}, "policies have no override settings"),
    ],
)
def test_override_settings_are_those_of_the_guide(overrides: dict[str, Any], word: str) -> None:
    """By resource, property and setting."""
    body = template("CommonName", thing={"ThingName": ref("CommonName")})
    [(name, settings_)] = overrides.items()
    body["Resources"][name]["OverrideSettings"] = settings_
    with pytest.raises(errors.OverrideSettingsError, match=word):
        JitpTemplateBody.from_dict(body)


def test_override_settings_that_are_documented_are_taken() -> None:
    """MERGE where it is documented, and the others."""
    body = template("CommonName", thing={"ThingName": ref("CommonName")})
    body["Resources"]["thing"]["OverrideSettings"] = {
        "AttributePayload": "MERGE",
        "ThingGroups": "MERGE",
        "ThingTypeName": "REPLACE",
    }
    body["Resources"]["certificate"]["OverrideSettings"] = {"Status": "FAIL"}
    assert JitpTemplateBody.from_dict(body).warnings == ()


def test_a_policy_document_as_an_object_becomes_text() -> None:
    """As AWS documents it; one with a function in it is refused, for nobody says who would resolve that."""
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}],
    }
    body = JitpTemplateBody.from_dict(template(policy={"PolicyDocument": document}))
    assert body.body["Resources"]["policy"]["Properties"]["PolicyDocument"] == POLICY
    document["Statement"][0]["Resource"] = {"Fn::Sub": "${AWS::IoT::Certificate::Id}"}  # type: ignore[index]
    with pytest.raises(errors.PolicyDocumentError, match="Fn::Sub around it"):
        with_text_policies(template(policy={"PolicyDocument": document}))


def _grown(levels: int) -> Any:
    value: Any = ref("CommonName")
    for _ in range(levels):
        value = {"Fn::Sub": ["${V}${V}", {"V": value}]}
    return value


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (_grown(30), errors.UnknownFunctionError),
        (_grown(200), errors.TemplateNotJsonError),
        ({"Fn::Join": ["x" * 3000, ["a"] * 1000]}, errors.UnknownFunctionError),
    ],
    ids=["text", "nesting", "join"],
)
def test_a_template_that_grows_is_refused_in_time(name: Any, kind: type[Exception]) -> None:
    """With a sentence, and before it fills the memory."""
    begin = time.monotonic()
    with pytest.raises(kind):
        JitpTemplateBody.from_dict(template("CommonName", thing={"ThingName": name}))
    assert time.monotonic() - begin < 5


def test_a_device_can_make_a_template_grow() -> None:
    """Then it is that device's error, and no other's."""
    body = template(
        "CommonName", thing={"ThingName": {"Fn::Select": ["0", {"Fn::Split": ["x", _grown(12)]}]}}
    )
    assert dry_run(body, certificate_of(("CN=axb",))).thing_name == "a"
    [error] = dry_run(body, certificate_of(("CN=" + "ax" * 30,))).errors
    assert "more than 65,536 characters" in error.problem


@pytest.mark.parametrize("text", ["{{" + " " * 9_000, "${" * 4_500, "{{ x" * 2_000])
def test_text_that_nearly_is_a_placeholder_costs_no_time(text: str) -> None:
    """Each expression is linear in the template's length, or nearly so."""
    begin = time.monotonic()
    with pytest.raises(errors.ProvisioningTemplateError):
        JitpTemplateBody.from_dict(template(thing={"ThingName": {"Fn::Sub": text}}))
    assert time.monotonic() - begin < 3
