"""PRE_ISSUED: a verification certificate that was signed ahead of time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ca_registrar import errors as causes
from ca_registrar.possession import prove
from support.certificates import make_ca, make_verification_certificate, registration_code
from support.fakes.wire import FakeClients

CODE = registration_code()
REGISTRAR = Path(__file__).parents[3] / "lambda" / "registrar"


def verification_for(code: str) -> dict[str, str]:
    pem = make_verification_certificate(make_ca(), code)
    return {"Type": "PRE_ISSUED", "CertificatePem": pem, "RegistrationCode": code}


def test_it_is_handed_on_as_it_is() -> None:
    """When the code is the account's, the certificate goes to AWS IoT; no service is asked."""
    verification, clients = verification_for(CODE), FakeClients()
    pem = prove(verification, ca_certificate_pem=make_ca().pem, registration_code=CODE, clients=clients)
    assert pem == verification["CertificatePem"]
    assert clients.asked == []


def test_another_accounts_code_is_refused() -> None:
    """The reason holds the code to sign and the commands to run."""
    other = registration_code("222222222222/eu-west-1")
    with pytest.raises(causes.RegistrationCodeMismatchError) as caught:
        prove(
            verification_for(other),
            ca_certificate_pem=make_ca().pem,
            registration_code=CODE,
            clients=FakeClients(),
        )
    for part in (CODE, other, "iot-ca registration-code", "iot-ca verification-cert"):
        assert part in str(caught.value)


def test_an_expired_one_is_refused_before_anything_is_changed() -> None:
    """It comes with its end, so that no cryptography is needed to tell; a stack of before has none."""
    ended = verification_for(CODE) | {"NotValidAfter": "2026-01-01T00:00:00+00:00"}
    asked = {"ca_certificate_pem": make_ca().pem, "registration_code": CODE}
    with pytest.raises(causes.PreIssuedExpiredError, match=f"expired at 2026-01-01.*{CODE}"):
        prove(ended, **asked, clients=FakeClients())
    good = ended | {"NotValidAfter": "2096-01-01T00:00:00+00:00"}
    assert prove(good, **asked, clients=FakeClients()) == good["CertificatePem"]


def test_an_unknown_type_is_refused() -> None:
    """A request from another version of the library is a sentence, not a KeyError."""
    for verification in ({"Type": "TELEPATHY"}, {}):
        with pytest.raises(
            causes.UnknownVerificationTypeError, match="SECRET, KMS_KEY, PRIVATE_CA, PRE_ISSUED"
        ):
            prove(verification, ca_certificate_pem="", registration_code=CODE, clients=FakeClients())


def test_it_needs_no_cryptography() -> None:
    """The Lambda of such a stage does not carry it: the whole strategy runs where importing it fails."""
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from ca_registrar.possession import prove\n"
        "v = {'Type': 'PRE_ISSUED', 'CertificatePem': 'x', 'RegistrationCode': 'c'}\n"
        "assert prove(v, ca_certificate_pem='', registration_code='c', clients=None) == 'x'\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REGISTRAR, check=True, capture_output=True)
