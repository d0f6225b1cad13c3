"""No key and no secret value leaves the place where it is used: not in errors, their contexts, `repr` or logs."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from ca_registrar.possession import PossessionError, prove
from ca_registrar.possession.signing import private_key
from support.certificates import (
    make_ca,
    make_key,
    pem_of_key,
    registration_code,
)
from support.fakes.secrets import FakeSecrets
from support.fakes.wire import FakeClients

if TYPE_CHECKING:
    from collections.abc import Iterator

CA = make_ca()
CANARY = "hunter2-is-no-password"
LINE = CA.key_pem.splitlines()[3]

# Each value holds the key, the canary or both, and none leads to a certificate.
VALUES: dict[str, tuple[str | bytes, str | None]] = {
    "plain words": (CANARY, None),
    "JSON, no field named": (json.dumps({"key": CA.key_pem, "note": CANARY}), None),
    "JSON without the field": (json.dumps({"other": CA.key_pem, "note": CANARY}), "key"),
    "torn JSON": (f'{{"key": "{CANARY}', "key"),
    "torn JSON without a field": (f'{{"key": "{CANARY}', None),
    "a field of other words": (json.dumps({"key": CANARY}), "key"),
    "binary": (b"\xff" + CANARY.encode(), None),
    "encrypted": (pem_of_key(CA.key, passphrase="x") + CANARY, None),
    "torn PEM": (CA.key_pem.replace("A", "!") + CANARY + LINE, None),
    "two keys": (CA.key_pem * 2, None),
    "another CA's key": (make_ca(common_name="Someone else").key_pem, None),
    "another kind of key": (pem_of_key(make_key("ed25519")) + CANARY, None),
}


def told(error: BaseException | None) -> Iterator[str]:
    """Everything that an error, and the errors behind it, say or hold."""
    while error is not None:
        yield f"{error!s} {error!r} {error.args!r} {vars(error)!r} {getattr(error, 'object', '')!r}"
        yield repr(getattr(error, "doc", ""))
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("case", VALUES)
def test_no_error_has_seen_the_secret(case: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither message, fields nor suppressed contexts of an error hold any of the secret, and nothing is logged."""
    value, field = VALUES[case]
    caplog.set_level(logging.DEBUG, logger="ca_registrar")
    clients = FakeClients(FakeSecrets({"name": value}))
    verification = {"Type": "SECRET", "SecretId": "name"} | ({"Field": field} if field else {})
    with pytest.raises(PossessionError) as caught:
        prove(verification, ca_certificate_pem=CA.pem, registration_code=registration_code(), clients=clients)
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    secrets = [CANARY, *(line for line in text.splitlines() if len(line) == 64)]
    for said in told(caught.value):
        assert not [secret for secret in secrets if secret in said]
    assert caplog.text == ""


def test_a_wrong_passphrase_is_not_repeated() -> None:
    """Nor is the key."""
    with pytest.raises(PossessionError) as caught:
        private_key.load(pem_of_key(CA.key, passphrase="x"), holder="the file", passphrase=CANARY)
    for said in told(caught.value):
        assert CANARY not in said


def test_the_answer_holds_no_key() -> None:
    """What goes to AWS IoT is one certificate; its private key is nowhere."""
    pem = prove(
        {"Type": "SECRET", "SecretId": "name"},
        ca_certificate_pem=CA.pem,
        registration_code=registration_code(),
        clients=FakeClients(FakeSecrets({"name": CA.key_pem})),
    )
    assert pem.count("-----BEGIN") == 1
    assert "PRIVATE" not in pem


def test_nothing_is_logged_when_it_works(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Our code logs and prints nothing of the secret on its way to a certificate."""
    caplog.set_level(logging.DEBUG, logger="ca_registrar")
    clients: Any = FakeClients(FakeSecrets({"name": CA.key_pem}))
    prove(
        {"Type": "SECRET", "SecretId": "name"},
        ca_certificate_pem=CA.pem,
        registration_code=registration_code(),
        clients=clients,
    )
    assert caplog.text == ""
    assert capsys.readouterr() == ("", "")
