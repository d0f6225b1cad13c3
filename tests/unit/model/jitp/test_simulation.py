"""Rules of the dry run that hang on the certificate itself: chain, validity, key; and of runs beside each other."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.errors import UnreadableDeviceCertificateError
from iot_multiaccount_ca.model.ca.certificate import CaCertificate
from iot_multiaccount_ca.model.jitp.simulation import (
    Severity,
    Source,
    collisions,
    load_device_certificate,
    repeated,
    simulate,
)
from iot_multiaccount_ca.model.jitp.template_body import JitpTemplateBody
from support.certificates import NOW, make_ca, make_device
from support.simulation_table import POLICY, ref, template

if TYPE_CHECKING:
    from pathlib import Path

BODY = template("CommonName", thing={"ThingName": ref("CommonName")})
CA = make_ca("ec-p256", common_name="Dry CA")


def _codes(certificate: x509.Certificate, **options: Any) -> list[str]:
    return [each.code for each in simulate(BODY, certificate, **options).findings]


def test_a_good_device_has_no_finding() -> None:
    """Signed by the CA, valid, a key that AWS takes: nothing to say."""
    run = simulate(BODY, make_device(CA).certificate, ca_certificate=CA.certificate)
    assert run.findings == ()
    assert run.provisioned
    assert run.chains is True
    assert run.certificate_status == "ACTIVE"


def test_the_certificate_id_is_aws_iots() -> None:
    """SHA-256 of the DER, also where the template refers to it."""
    device = make_device(CA)
    run = simulate(template(thing={"ThingName": ref("Id")}), device.certificate)
    assert run.certificate_id == run.thing_name == device.certificate_id
    assert run.parameters[0].source is Source.CERTIFICATE_ID


def test_without_a_ca_the_chain_is_not_judged() -> None:
    """Neither yes nor no."""
    assert simulate(BODY, make_device(CA).certificate).chains is None


def test_the_ca_may_be_the_plans_value() -> None:
    """A `CaCertificate` as well as an `x509.Certificate`."""
    run = simulate(BODY, make_device(CA).certificate, ca_certificate=CaCertificate.from_pem(CA.pem))
    assert run.chains is True


def test_another_issuer() -> None:
    """A CA of another subject did not sign it."""
    other = make_ca("ec-p256", common_name="Other CA")
    run = simulate(BODY, make_device(other).certificate, ca_certificate=CA.certificate)
    assert [each.code for each in run.errors] == ["issuer-mismatch"]
    assert run.chains is False
    assert "CN=Other CA" in run.errors[0].problem


def test_the_issuers_issuer_is_another_issuer() -> None:
    """AWS IoT wants the CA that signs the devices, not the root above it."""
    intermediate = make_ca("ec-p256", common_name="Line 1", issuer=CA)
    assert "issuer-mismatch" in _codes(make_device(intermediate).certificate, ca_certificate=CA.certificate)


def test_a_namesake_did_not_sign_it() -> None:
    """A CA of the same subject with another key."""
    namesake = make_ca("ec-p256", common_name="Dry CA", key_name="another")
    assert _codes(make_device(namesake).certificate, ca_certificate=CA.certificate) == ["signature-mismatch"]


def test_a_namesake_of_another_kind_of_key_did_not_sign_it() -> None:
    """An RSA CA cannot have made an ECDSA signature: a finding, not a traceback."""
    namesake = make_ca("rsa-2048", common_name="Dry CA")
    assert _codes(make_device(CA).certificate, ca_certificate=namesake.certificate) == ["signature-mismatch"]


@pytest.mark.parametrize(
    ("days", "code"), [(-2, "device-certificate-not-yet-valid"), (3660, "device-certificate-expired")]
)
def test_a_device_certificate_out_of_its_time(days: int, code: str) -> None:
    """Not yet, or no longer."""
    assert _codes(make_device(CA).certificate, now=NOW + dt.timedelta(days=days)) == [code]


@pytest.mark.parametrize("end", ["not_valid_before_utc", "not_valid_after_utc"])
def test_the_ends_of_validity_are_inside(end: str) -> None:
    """RFC 5280: both moments belong to it."""
    certificate = make_device(CA).certificate
    assert _codes(certificate, now=getattr(certificate, end)) == []


def test_a_ca_out_of_its_time() -> None:
    """AWS IoT refuses an expired CA."""
    old = make_ca(
        "ec-p256", common_name="Old", not_before=NOW - dt.timedelta(days=9), not_after=NOW - dt.timedelta(1)
    )
    assert _codes(make_device(old).certificate, ca_certificate=old.certificate) == ["ca-certificate-expired"]
    young = make_ca("ec-p256", common_name="Young", not_before=NOW + dt.timedelta(days=9))
    codes = _codes(make_device(young).certificate, ca_certificate=young.certificate)
    assert codes == ["ca-certificate-not-yet-valid"]


@pytest.mark.parametrize("algorithm", ["rsa-1024", "ec-secp256k1", "ed25519"])
def test_a_key_that_aws_does_not_take(algorithm: str) -> None:
    """RSA below 2048 bits, another curve, Ed25519."""
    assert _codes(make_device(CA, "d1", algorithm=algorithm).certificate) == ["key-unsupported"]


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ec-p256", "ec-p384", "ec-p521"])
def test_a_key_that_aws_takes(algorithm: str) -> None:
    """RSA of 2048 bits, and the three curves."""
    assert _codes(make_device(CA, "d1", algorithm=algorithm).certificate) == []


def test_a_signature_that_aws_does_not_take() -> None:
    """SHA-1."""
    authority = make_ca("rsa-2048", common_name="Old hash")
    assert _codes(make_device(authority, signature_hash="sha1").certificate) == [
        "signature-algorithm-unsupported"
    ]
    ed25519 = make_ca("ed25519", common_name="New signature")
    assert _codes(make_device(ed25519).certificate) == ["signature-algorithm-unsupported"]


def test_a_ca_is_no_device() -> None:
    """CA:TRUE in a device certificate is worth a look."""
    assert _codes(make_device(CA, ca=True).certificate) == ["certificate-is-ca"]


def test_another_key_identifier_is_worth_a_look() -> None:
    """A CA re-issued with another subjectKeyIdentifier: signed, and devices may be refused."""
    renamed = (
        x509.CertificateBuilder()
        .subject_name(CA.certificate.subject)
        .issuer_name(CA.certificate.subject)
        .public_key(CA.key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - dt.timedelta(days=1))
        .not_valid_after(NOW + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(b"another"), critical=False)
        .sign(CA.key, CA.certificate.signature_hash_algorithm)  # type: ignore[arg-type]
    )
    assert _codes(make_device(CA).certificate, ca_certificate=renamed) == [
        "authority-key-identifier-mismatch"
    ]


def test_errors_come_first() -> None:
    """What keeps the device out stands before what does not."""
    body = template("Country", thing={"ThingName": "x"}, without_policy=True)
    assert [each.severity for each in simulate(body, make_device(CA).certificate).findings] == [
        Severity.ERROR,
        Severity.WARNING,
    ]


def test_a_finding_says_what_to_do() -> None:
    """A sentence, and the fix."""
    body = template("Country", thing={"ThingName": "x"})
    finding = simulate(body, make_device(CA).certificate).findings[0]
    assert str(finding).startswith(
        "error: the subject has no C, and the template declares AWS::IoT::Certificate::Country"
    )
    assert "; fix: issue device certificates with C in their subject" in str(finding)


def test_many_policies() -> None:
    """A certificate holds ten."""
    body = template("CommonName")
    policy = {"Type": "AWS::IoT::Policy", "Properties": {"PolicyDocument": POLICY}}
    body["Resources"].update({f"p{number}": policy for number in range(9)})
    assert simulate(body, make_device(CA).certificate).findings == ()
    body["Resources"]["p9"] = policy
    with pytest.raises(errors.ImpossibleValueError, match="attaches 11 policies"):
        simulate(body, make_device(CA).certificate)


def test_a_body_that_aws_would_refuse_is_refused() -> None:
    """The same rules as a plan's."""
    with pytest.raises(errors.UndeclaredReferenceError):
        simulate(template(thing={"ThingName": ref("CommonName")}), make_device(CA).certificate)


def test_the_answer_can_be_compared_and_hashed() -> None:
    """A value like the others."""
    first, second = (simulate(BODY, make_device(CA, "same").certificate) for _ in range(2))
    assert first.findings == second.findings
    assert isinstance(hash(first), int)
    with pytest.raises(TypeError):
        first.attributes["new"] = "value"  # type: ignore[index]


# --- many devices ---


def test_one_name_for_two_devices_collides() -> None:
    """The second one joins the first one's thing."""
    runs = [
        (label, simulate(BODY, make_device(CA, name).certificate))
        for label, name in (("a.pem", "d1"), ("b.pem", "d1"), ("c.pem", "d2"), ("d.pem", "D1"))
    ]
    assert collisions(runs) == {"d1": ("a.pem", "b.pem")}
    assert repeated(runs) == []


def test_one_certificate_twice_is_no_collision() -> None:
    """It is one device, found in two files."""
    run = simulate(BODY, make_device(CA, "d1").certificate)
    assert collisions([("a.pem", run), ("b.pem", run)]) == {}
    assert repeated([("a.pem", run), ("b.pem", run)]) == [("a.pem", "b.pem")]


def test_devices_without_a_name_do_not_collide() -> None:
    """What cannot be resolved is not a name."""
    body = template("Country", thing={"ThingName": ref("Country")})
    assert collisions([(n, simulate(body, make_device(CA, n).certificate)) for n in ("d1", "d2")]) == {}


# --- reading device certificates, and JitpTemplateBody.render ---


def test_render_takes_what_a_certificate_may_come_as(tmp_path: Path) -> None:
    """PEM text and bytes, DER bytes, a path as text and as such, an x509.Certificate: the same answer."""
    device = make_device(CA, "d1")
    path = tmp_path / "d1.pem"
    path.write_text(device.pem)
    der = device.certificate.public_bytes(serialization.Encoding.DER)
    body = JitpTemplateBody.from_dict(BODY)
    answers = [
        body.render(given)
        for given in (device.pem, device.pem.encode(), der, path, str(path), device.certificate)
    ]
    assert {each.certificate_id for each in answers} == {device.certificate_id}
    assert {each.thing_name for each in answers} == {"d1"}


def test_render_fills_the_placeholders() -> None:
    """Those of the stage; of a stand-in where none is told; the partition is the region's."""
    document = POLICY.replace('"*"', '"arn:{{partition}}:iot:{{region}}:{{account}}:client/*"')
    body = JitpTemplateBody.from_dict(template("CommonName", policy={"PolicyDocument": document}))
    certificate = make_device(CA).certificate
    told = body.render(certificate, account="222222222222", region="cn-north-1").policies[0].text
    assert told is not None
    assert "arn:aws-cn:iot:cn-north-1:222222222222:client/*" in told
    assert "arn:aws:iot:us-east-1:123456789012:client/*" in (body.render(certificate).policies[0].text or "")
    other = body.render(certificate, partition="aws-iso").policies[0].text or ""
    assert "arn:aws-iso:iot:us-east-1" in other


def test_render_holds_the_certificate_against_the_ca() -> None:
    """With a CA the chain is checked, at the moment that is told."""
    body = JitpTemplateBody.from_dict(BODY)
    device = make_device(CA)
    assert body.render(device.pem, ca_certificate=CaCertificate.from_pem(CA.pem)).chains is True
    late = NOW + dt.timedelta(days=4000)
    assert not body.render(device.pem, now=late).provisioned


@pytest.mark.parametrize(
    ("stage", "kind"),
    [({"account": "12"}, errors.InvalidAccountError), ({"region": "Frankfurt"}, errors.InvalidRegionError)],
)
def test_render_wants_a_stage_that_can_be(stage: dict[str, str], kind: type[errors.SharedCaError]) -> None:
    """An account of twelve digits, and a region."""
    with pytest.raises(kind):
        JitpTemplateBody.from_dict(BODY).render(make_device(CA).pem, **stage)  # type: ignore[arg-type]


def test_of_a_chain_the_first_is_the_devices() -> None:
    """As TLS sends it; whatever stands around the PEM, a key too, is not looked at."""
    device = make_device(CA, "d1")
    assert load_device_certificate("notes\n" + device.pem + CA.pem) == device.certificate
    assert load_device_certificate(device.key_pem + device.pem) == device.certificate


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"no certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA",
        b"\x30\x03abc",
        "missing.pem",
        "null\x00byte",
        "a" * 10_000,
        42,
    ],
    ids=[
        "empty",
        "text",
        "garbage",
        "cut",
        "garbage DER",
        "no file",
        "no path",
        "too long a path",
        "a number",
    ],
)
def test_what_is_no_certificate_is_an_error(given: Any) -> None:
    """One class, one sentence."""
    with pytest.raises(UnreadableDeviceCertificateError):
        load_device_certificate(given)


def test_a_huge_file_is_no_certificate(tmp_path: Path) -> None:
    """It is not read to its end."""
    path = tmp_path / "huge.pem"
    with path.open("wb") as file:
        file.truncate(3_000_000)
    with pytest.raises(UnreadableDeviceCertificateError):
        load_device_certificate(path)


def test_a_key_is_never_repeated() -> None:
    """A key in the place of the certificate: the error says what is missing, and shows nothing of it."""
    with pytest.raises(UnreadableDeviceCertificateError) as caught:
        load_device_certificate(make_device(CA).key_pem)
    assert "PRIVATE" not in str(caught.value)


def test_the_dry_run_is_pure() -> None:
    """It imports neither aws_cdk nor boto3, click nor rich."""
    code = (
        "import sys; import iot_multiaccount_ca.model.jitp.simulation; "
        "sys.exit(any(name in sys.modules for name in ('aws_cdk', 'boto3', 'botocore', 'click', 'rich')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
