"""Rules of the JITP template body: each broken one raises its own error, and a good one is filled per stage."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.jitp.template_body import LONGEST_BODY, JitpTemplateBody

ROOT = Path(__file__).parents[4]
STAGE = {"account": "111111111111", "region": "eu-west-1", "partition": "aws"}


def _body() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "examples/jitp.json").read_text())
    return loaded


def _refused(kind: type[errors.SharedCaError], body: Any) -> str:
    with pytest.raises(kind) as caught:
        JitpTemplateBody.from_dict(body)
    assert type(caught.value) is kind
    return str(caught.value)


def _with(path: str, value: Any) -> dict[str, Any]:
    """The example's body with one place set (``...``: taken out)."""
    body = _body()
    *parents, last = path.split("/")
    place = body
    for name in parents:
        place = place.setdefault(name, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return body


def test_the_example_is_filled_per_stage() -> None:
    """Account, region and partition of the stage stand where the placeholders stood."""
    filled = JitpTemplateBody.from_file(ROOT / "examples/jitp.json").resolve(
        account="222222222222", region="cn-north-1", partition="aws-cn"
    )
    policy = json.loads(json.loads(filled)["Resources"]["policy"]["Properties"]["PolicyDocument"])
    assert policy["Statement"][0]["Resource"].startswith("arn:aws-cn:iot:cn-north-1:222222222222:client/")
    assert "{{" not in filled


def test_policy_variables_stay() -> None:
    """``${iot:…}`` is the device's, not ours to fill."""
    filled = JitpTemplateBody.from_dict(_body()).resolve(**STAGE)
    assert "${iot:Connection.Thing.ThingName}" in filled


def test_blanks_around_a_placeholder_are_fine() -> None:
    """``{{ region }}`` is ``{{region}}``."""
    body = _with("Resources/thing/Properties/AttributePayload", {"where": "{{ region }}"})
    assert '"where":"eu-west-1"' in JitpTemplateBody.from_dict(body).resolve(**STAGE)


def test_equal_bodies_are_equal_values() -> None:
    """A body from a file and the same from a dict are one value."""
    assert JitpTemplateBody.from_dict(_body()) == JitpTemplateBody.from_file(ROOT / "examples/jitp.json")


def test_a_body_given_as_text_is_linted() -> None:
    """No way to make one skips a rule, and each way makes the same value."""
    assert JitpTemplateBody(json.dumps(_body(), indent=2)) == JitpTemplateBody.from_dict(_body())
    for text, kind in (
        ("{}", errors.CertificateResourceError),
        ("[]", errors.TemplateNotJsonError),
        ("{", errors.TemplateNotJsonError),
        (None, errors.TemplateNotJsonError),
        (json.dumps(_with("Resource", {})), errors.UnknownSectionError),
    ):
        with pytest.raises(kind):
            JitpTemplateBody(text=text)  # type: ignore[arg-type]


def test_a_replaced_text_is_linted_again() -> None:
    """`dataclasses.replace` is no way around the rules."""
    body = JitpTemplateBody.from_dict(_body())
    assert dataclasses.replace(body, text=body.text) == body
    with pytest.raises(errors.CertificateResourceError):
        dataclasses.replace(body, text="{}")


def test_the_given_dict_is_not_held() -> None:
    """Changing the dict afterwards, or the one that `body` gives, changes nothing."""
    given = _body()
    body = JitpTemplateBody.from_dict(given)
    before = copy.deepcopy(body.body)
    given["Resources"].clear()
    body.body["Resources"].clear()
    assert body.body == before


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    """The message names the file and where parsing stopped."""
    file = tmp_path / "jitp.json"
    file.write_text("{,}")
    with pytest.raises(errors.TemplateNotJsonError, match=r"jitp\.json is not JSON"):
        JitpTemplateBody.from_file(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that cannot be read is an error of ours."""
    with pytest.raises(errors.TemplateNotJsonError, match="cannot be read"):
        JitpTemplateBody.from_file(tmp_path / "none.json")


@pytest.mark.parametrize("body", [[], "text", None, 3])
def test_what_is_no_object_is_refused(body: Any) -> None:
    """A template body is a JSON object."""
    _refused(errors.TemplateNotJsonError, body)


def test_an_unknown_placeholder_is_refused() -> None:
    """Only account, region and partition are filled."""
    message = _refused(
        errors.UnknownPlaceholderError, _with("Resources/thing/Properties/ThingName", "{{stage}}")
    )
    assert "{{stage}}" in message
    assert "{{account}}" in message


def test_a_body_over_the_limit_is_refused() -> None:
    """10,240 characters are AWS's limit; the message says how many there are."""
    room = LONGEST_BODY - len(JitpTemplateBody.from_dict(_with("Mappings", {"m": ""})).text)
    JitpTemplateBody.from_dict(_with("Mappings", {"m": "x" * room}))
    message = _refused(errors.TemplateTooLongError, _with("Mappings", {"m": "x" * (room + 1)}))
    assert "10,241" in message


def test_a_body_that_grows_over_the_limit_when_filled_is_refused() -> None:
    """What counts is what AWS gets."""
    room = LONGEST_BODY - len(JitpTemplateBody.from_dict(_with("Mappings", {"m": ""})).text)
    body = JitpTemplateBody.from_dict(_with("Mappings", {"m": "x" * room}))
    with pytest.raises(errors.TemplateTooLongError):
        body.resolve(account="1" * 12, region="ap-southeast-7", partition="aws-us-gov")


def test_an_unknown_section_is_refused() -> None:
    """A top-level key that JITP does not know is a typo."""
    assert "'Resource'" in _refused(errors.UnknownSectionError, _with("Resource", {}))


def test_an_unknown_property_is_refused() -> None:
    """A property that a thing does not have is a typo."""
    message = _refused(errors.UnknownSectionError, _with("Resources/thing/Properties/Name", "x"))
    assert "ThingName" in message


def test_an_unknown_parameter_is_refused() -> None:
    """JITP fills the fields of the certificate's subject and nothing else."""
    message = _refused(errors.UnknownParameterError, _with("Parameters/SerialNumber", {"Type": "String"}))
    assert "AWS::IoT::Certificate::SerialNumber" in message


@pytest.mark.parametrize("spec", [{}, {"Type": "Number"}, "String", {"Type": "String", "Default": 3}])
def test_a_parameter_declared_wrongly_is_refused(spec: Any) -> None:
    """Parameters are of Type String, with a Default of text."""
    _refused(errors.UnknownParameterError, _with("Parameters/AWS::IoT::Certificate::Country", spec))


def test_an_undeclared_ref_is_refused() -> None:
    """What a Ref names is declared among the Parameters; the message shows how."""
    body = _with("Resources/thing/Properties/ThingName", {"Ref": "AWS::IoT::Certificate::SerialNumber"})
    assert '"Type": "String"' in _refused(errors.UndeclaredReferenceError, body)


def test_an_undeclared_variable_in_fn_sub_is_refused() -> None:
    """A policy variable in Fn::Sub must be escaped, and the message says so."""
    document = {"Fn::Sub": '{"Version":"2012-10-17","Statement":[{"Resource":"${iot:ClientId}"}]}'}
    body = _with("Resources/policy/Properties/PolicyDocument", document)
    assert "${!iot:ClientId}" in _refused(errors.UndeclaredReferenceError, body)


def test_fn_sub_with_variables_of_its_own_is_taken() -> None:
    """Local variables of Fn::Sub, escaped ones and parameters are all known."""
    text = '{"Statement":"${who}-${!iot:ClientId}-${AWS::IoT::Certificate::CommonName}"}'
    JitpTemplateBody.from_dict(
        _with("Resources/policy/Properties/PolicyDocument", {"Fn::Sub": [text, {"who": "fleet"}]})
    )


def test_an_unknown_map_is_refused() -> None:
    """Fn::FindInMap names a map of the template."""
    find = {"Fn::FindInMap": ["Places", "a", "b"]}
    _refused(errors.UndeclaredReferenceError, _with("Resources/thing/Properties/ThingName", find))
    body = _with("Resources/thing/Properties/ThingName", find)
    body["Mappings"] = {"Places": {"a": {"b": "c"}}}
    JitpTemplateBody.from_dict(body)


@pytest.mark.parametrize("function", [{"Fn::GetAtt": ["a", "b"]}, {"Fn::Join": ["-"]}, {"Fn::Sub": 3}])
def test_an_unknown_function_is_refused(function: Any) -> None:
    """Functions that templates do not have, and wrong arguments, are refused."""
    _refused(errors.UnknownFunctionError, _with("Resources/thing/Properties/ThingName", function))


def test_an_unknown_resource_type_is_refused() -> None:
    """JITP makes things, certificates and policies."""
    assert "AWS::S3::Bucket" in _refused(
        errors.UnknownResourceTypeError, _with("Resources/bucket", {"Type": "AWS::S3::Bucket"})
    )


@pytest.mark.parametrize(
    ("properties", "word"),
    [({"PolicyName": "p", "PolicyDocument": "{}"}, "both"), ({}, "neither")],
)
def test_a_policy_has_exactly_one_source(properties: dict[str, str], word: str) -> None:
    """PolicyName or PolicyDocument: not both, not neither."""
    assert word in _refused(errors.PolicySourceError, _with("Resources/policy/Properties", properties))


@pytest.mark.parametrize("document", ["not json", "[]", "{}", {"Version": "2012-10-17"}, 3])
def test_a_policy_document_is_a_policy_as_a_json_string(document: Any) -> None:
    """What is not a policy is refused, as text or as an object."""
    _refused(errors.PolicyDocumentError, _with("Resources/policy/Properties/PolicyDocument", document))


def test_a_named_policy_is_taken() -> None:
    """A policy that exists already is given by its name."""
    JitpTemplateBody.from_dict(_with("Resources/policy/Properties", {"PolicyName": "fleet"}))


def test_a_template_without_certificate_is_refused() -> None:
    """Without a certificate resource no device is ever activated."""
    _refused(errors.CertificateResourceError, _with("Resources/certificate", ...))
    _refused(errors.CertificateResourceError, {})


@pytest.mark.parametrize("certificate_id", ["abc", {"Ref": "AWS::IoT::Certificate::CommonName"}, None])
def test_the_certificate_is_the_devices(certificate_id: Any) -> None:
    """CertificateId refers to the certificate that connects."""
    body = _with("Resources/certificate/Properties/CertificateId", certificate_id)
    assert "AWS::IoT::Certificate::Id" in _refused(errors.CertificateResourceError, body)


def test_two_certificates_are_refused() -> None:
    """A device has one certificate."""
    body = _body()
    body["Resources"]["again"] = body["Resources"]["certificate"]
    assert "2 certificate" in _refused(errors.CertificateResourceError, body)


def test_an_unknown_certificate_status_is_refused() -> None:
    """ACTIVE or INACTIVE."""
    _refused(errors.CertificateResourceError, _with("Resources/certificate/Properties/Status", "ON"))


def test_two_things_are_refused() -> None:
    """A device is one thing."""
    body = _body()
    body["Resources"]["other"] = body["Resources"]["thing"]
    assert "thing" in _refused(errors.MultipleThingsError, body)


def test_a_thing_without_a_name_is_refused() -> None:
    """A thing has a ThingName."""
    _refused(errors.MissingThingNameError, _with("Resources/thing/Properties/ThingName", ...))


@pytest.mark.parametrize("settings", [{"AttributePayload": "OVERWRITE"}, ["MERGE"]])
def test_unknown_override_settings_are_refused(settings: Any) -> None:
    """DO_NOTHING, REPLACE, FAIL or MERGE."""
    _refused(errors.OverrideSettingsError, _with("Resources/thing/OverrideSettings", settings))
