"""Inputs from the field: what public reports of people who do this job look like, and what is right for each.

The files in field/ are synthetic; no key of theirs exists in the tree.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.ca.certificate import CaCertificate
from iot_multiaccount_ca.model.jitp.simulation import load_device_certificate
from iot_multiaccount_ca.model.jitp.template_body import JitpTemplateBody

FIELD = Path(__file__).parent / "field"
CA = CaCertificate.from_file(FIELD / "ca.pem")


def _body(name: str) -> JitpTemplateBody:
    return JitpTemplateBody.from_file(FIELD / name)


def test_the_serial_number_is_the_certificates() -> None:
    """A subject with a common name alone is enough for SerialNumber; how it is written is not known."""
    run = _body("serial-declared-unused.json").render(FIELD / "v1-openssl.pem", ca_certificate=CA)
    assert run.provisioned
    assert run.chains is True
    assert [each.code for each in run.warnings] == ["serial-number-form-unverified"]


def test_a_comma_keeps_its_escape_and_is_illegal_in_an_attribute() -> None:
    """An error, with the value as AWS IoT passes it."""
    run = _body("attr-organization.json").render(FIELD / "o-comma.pem", ca_certificate=CA)
    assert not run.provisioned
    assert dict(run.attributes) == {"maker": "Acme\\,Ltd"}
    assert "keeps the backslash" in run.errors[0].problem


def test_the_certificates_id_need_not_be_declared() -> None:
    """Taken, with a warning."""
    body = _body("id-not-declared.json")
    assert [each.code for each in body.warnings] == ["certificate-id-undeclared"]
    assert body.render(FIELD / "v1-openssl.pem").provisioned


def test_package_versions_are_a_things() -> None:
    """Taken."""
    run = _body("package-versions.json").render(FIELD / "v1-openssl.pem")
    assert run.provisioned
    assert dict(run.package_versions) == {"firmware": "1.0.0"}


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("policy-name-empty.json", "PolicyName ''"),
        ("attr-space.json", "Light Bulb v1"),
        ("ref-upper.json", "write Ref"),
        ("groups-string.json", '\\["fleet"\\]'),
    ],
)
def test_what_no_device_can_escape_is_refused_when_the_body_is_made(name: str, word: str) -> None:
    """By the file, by the dict, and by the text."""
    content = (FIELD / name).read_text(encoding="utf-8")
    with pytest.raises(errors.ImpossibleValueError, match=word):
        _body(name)
    with pytest.raises(errors.ImpossibleValueError, match=word):
        JitpTemplateBody.from_dict(json.loads(content))
    with pytest.raises(errors.ImpossibleValueError, match=word):
        JitpTemplateBody(content)


def test_one_key_twice_is_refused() -> None:
    """With its name: the first one would be lost."""
    with pytest.raises(errors.TemplateNotJsonError, match="'policy' stands twice"):
        _body("dup-policy-key.json")


def test_a_registration_config_is_no_template() -> None:
    """It is told what to give instead."""
    with pytest.raises(errors.UnknownSectionError, match="give the templateBody"):
        _body("registration-config.json")


def test_an_issuer_in_another_type_of_string_is_the_ca() -> None:
    """Signed by this CA, with a warning about the names and not about the signature."""
    run = _body("id-not-declared.json").render(FIELD / "issuer-printable.pem", ca_certificate=CA)
    assert run.chains is True
    assert run.provisioned
    [warning] = [each for each in run.warnings if each.code == "issuer-form-differs"]
    assert "another type of string" in warning.problem


def test_one_certificate_in_five_forms_is_one_device() -> None:
    """PEM, UTF-16, TRUSTED CERTIFICATE, X509 CERTIFICATE, PKCS#7."""
    files = sorted((FIELD / "batch").iterdir())
    assert len(files) == 5
    assert {load_device_certificate(each) for each in files} == {load_device_certificate(files[0])}
