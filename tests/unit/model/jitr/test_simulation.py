"""The dry run of an enrollment: the activation Lambda's own decision, before a device connects."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from iot_multiaccount_ca import Admission, JitrEnrollment, errors
from iot_multiaccount_ca.model.jitr.simulation import dry_run, read_allow_list
from jitr_activation.admission import why_not
from jitr_activation.certificate import UnreadableCertificateError, read_certificate
from jitr_activation.settings import read_settings
from support.certificates import NOW, make_ca, make_device
from support.explicit_curve import with_body
from support.simulation_table import subject_of

if TYPE_CHECKING:
    from pathlib import Path

    from support.certificates import DeviceKeyPair

CA = make_ca("ec-p256", common_name="Enrolling CA")
LATER, EARLIER = NOW + dt.timedelta(days=1), NOW - dt.timedelta(days=1)
PLAIN = make_device(CA, "sensor-1", subject={"organization": "Example"}, serial_number=0xC0FFEE)
TWICE = make_device(CA, name=subject_of(("CN=sensor-1", "CN=sensor-2")), key_name="twice")
DIGITS = make_device(CA, "sensor-\u0661", key_name="digits", subject={"organization": "Example"})
EMPTY = make_device(CA, name=subject_of(("CN=",)), key_name="empty")
assert isinstance(CA.key, ec.EllipticCurvePrivateKey)
NEGATIVE = with_body(
    PLAIN.certificate.tbs_certificate_bytes,
    bytes.fromhex("020400c0ffee"),
    bytes.fromhex("0204f0c0ffee"),
    CA.key,
)
RULE = Admission(subject={"CommonName": "sensor-[0-9]+"})


class _Clients:
    """An SSM that holds one parameter."""

    def __init__(self, listed: str) -> None:
        self._listed = listed

    def client(self, name: str) -> _Clients:
        assert name == "ssm"
        return self

    def get_parameter(self, **_: Any) -> dict[str, Any]:
        return {"Parameter": {"Value": self._listed}}


@pytest.mark.parametrize("device", [PLAIN, TWICE, EMPTY, DIGITS], ids=["plain", "twice", "empty", "digits"])
@pytest.mark.parametrize(
    ("admission", "listed"),
    [
        (Admission(), ""),
        (Admission.any_certificate(), ""),
        (Admission.any_certificate(not_before=LATER), ""),
        (Admission.any_certificate(not_after=EARLIER), ""),
        (Admission.any_certificate(not_before=EARLIER, not_after=LATER), ""),
        (RULE, ""),
        (Admission(subject={"CommonName": r"\w+-\d+"}), ""),
        (Admission(subject={"Organization": "Other"}), ""),
        (Admission(subject={"Organization": "Example", "CommonName": "pump.*"}), ""),
        (Admission(parameter_name="p"), PLAIN.certificate_id),
        (Admission(parameter_name="p"), f"00:11, {PLAIN.certificate_id.upper()}\n"),
        (Admission(parameter_name="p"), "nobody"),
        (Admission(parameter_name="p", listed_by="SERIAL_NUMBER"), "0x00C0:FFEE"),
        (Admission(parameter_name="p", listed_by="SERIAL_NUMBER"), "c0ffef"),
        (Admission(parameter_name="p", subject={"CommonName": "x"}), PLAIN.certificate_id),
    ],
    ids=itertools.count(),
)
def test_the_dry_run_decides_as_the_lambda_does(
    admission: Admission, listed: str, device: DeviceKeyPair, tmp_path: Path
) -> None:
    """Whom the Lambda's own code admits, and whom not."""
    enrollment = JitrEnrollment(policy="devices", admission=admission).settings()
    (tmp_path / "listed").write_text(listed)
    run = dry_run(enrollment, device.certificate, now=NOW, admitted=read_allow_list(tmp_path / "listed"))
    environment = {
        "ENROLLMENT": json.dumps(enrollment),
        "CA_CERTIFICATE_ID": CA.certificate_id,
        "POLICY_NAME": "devices",
    }
    refused = why_not(
        read_settings(environment).admission, read_certificate(device.pem), _Clients(listed), NOW
    )
    assert run.provisioned == (refused is None), refused
    if refused is not None:
        assert any(each.problem.startswith(refused.partition(" is not in ")[0]) for each in run.errors)


def test_a_certificate_that_the_lambda_cannot_read_is_an_error() -> None:
    """A negative serial number: the one thing that it refuses in what parses otherwise."""
    with pytest.raises(UnreadableCertificateError):
        read_certificate(NEGATIVE.public_bytes(Encoding.PEM).decode())
    run = dry_run(
        JitrEnrollment(policy="devices", admission=Admission.any_certificate()).settings(), NEGATIVE
    )
    assert [each.code for each in run.errors] == ["enrollment-certificate-unreadable"]


def test_a_list_that_is_not_given_is_a_warning() -> None:
    """It cannot be said who is on it."""
    enrollment = JitrEnrollment(policy="devices", admission=Admission(parameter_name="p")).settings()
    run = dry_run(enrollment, PLAIN.certificate)
    assert [each.code for each in run.findings] == ["enrollment-list-unread"]


def test_the_thing_is_named_after_the_certificate() -> None:
    """By fields and id; a field that the subject lacks, or a name that AWS refuses, is an error."""
    for name, expected in (
        ("s-{CommonName}", "s-sensor-1"),
        ("{CertificateId}", PLAIN.certificate_id),
        ("{Country}", None),
    ):
        enrollment = JitrEnrollment(
            policy="devices", admission=Admission.any_certificate(), thing_name=name
        ).settings()
        run = dry_run(enrollment, PLAIN.certificate, ca_certificate=CA.certificate)
        assert run.thing_name == expected
        assert run.provisioned == (expected is not None)
        assert run.chains is True


@pytest.mark.parametrize(
    "expression",
    [
        "(a+)+b",
        "a?" * 40 + "a" * 40,
        "(?:a|aa)" * 36 + "b",
        r"(?:\w|\w\w)*?-",
        "((((a?){200}){200}){200}){200}b",
    ],
    ids=["repeats", "question marks", "alternatives", "lazy", "memory"],
)
def test_an_expression_that_explodes_ends_in_time(expression: str) -> None:
    """However it explodes: it admits nobody, says why, and costs the other devices nothing."""
    enrollment = {"admission": {"everyone": False, "subject": {"CommonName": expression}}}
    device = make_device(CA, "a" * 40, key_name="explodes")
    begin = time.monotonic()
    run = dry_run(enrollment, device.certificate)
    assert time.monotonic() - begin < 10
    assert "is not decided in the time and memory that there is by" in run.errors[0].problem
    rule = {"admission": {"everyone": False, "subject": {"CommonName": "sensor-[0-9]+"}}}
    assert dry_run(rule, PLAIN.certificate).provisioned


def test_a_thousand_devices_need_no_process_each() -> None:
    """Whatever the expression looks like."""
    rules = {"CommonName": "(sensor-)+[0-9]+", "Organization": "(Ex|am|ple)+"}
    enrollment = {"admission": {"everyone": False, "subject": rules}}
    begin = time.monotonic()
    assert all(dry_run(enrollment, PLAIN.certificate).provisioned for _ in range(1000))
    assert time.monotonic() - begin < 10


def test_a_list_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """With the path."""
    with pytest.raises(errors.AllowListError, match="none"):
        read_allow_list(tmp_path / "none")
