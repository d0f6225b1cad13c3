"""What is told to be a private key where a name, an ARN or a path belongs."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization

from iot_multiaccount_ca import CaCertificate, errors
from iot_multiaccount_ca.model.ca.key_material import holds_private_key
from support.certificates import make_key

if TYPE_CHECKING:
    from collections.abc import Iterator

ALGORITHMS = ("rsa-2048", "rsa-4096", "ec-p256", "ec-p384", "ec-p521", "ed25519")
NONE, ENCRYPTED = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"x")
FORMS = {
    "PKCS#8": (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, NONE),
    "encrypted": (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, ENCRYPTED),
    "traditional": (serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, NONE),
    "OpenSSH": (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, NONE),
    "PEM": (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, NONE),
}


def written(content: bytes) -> Iterator[str]:
    """The ways in which people carry a key where no file can go."""
    packed = base64.b64encode(content).decode()
    yield packed
    yield base64.urlsafe_b64encode(content).decode().rstrip("=")
    yield content.hex()
    yield content.hex(":").upper()
    yield "\n".join(packed[at : at + 64] for at in range(0, len(packed), 64))
    yield "\\n".join(packed[at : at + 64] for at in range(0, len(packed), 64))
    yield packed[:100]  # cut short
    yield f"fleet-ca/{packed}"
    yield f"arn:aws:kms:eu-west-1:111111111111:key/{packed}"
    yield json.dumps({"key": packed})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_without_its_armour_is_told(algorithm: str, form: str) -> None:
    """In base64, hex or JSON, whole or cut short, alone or behind a name."""
    if (algorithm, form) == ("ed25519", "traditional"):
        return
    content = make_key(algorithm).private_bytes(*FORMS[form])
    assert [text for text in written(content) if not holds_private_key(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        make_key("ec-p256")
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        .decode(),
        json.dumps({"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "c"}),
        "PuTTY-User-Key-File-3: ecdsa-sha2-nistp256",
        # Lines out of the middle of a key, without its beginning.
        "Xq7RwZk2Vb9TjL4mNc8PsHd3Gf6KyUa1EoWi5BtQx0JrCvMzS7Dn",
    ],
)
def test_other_forms_are_told_too(text: str) -> None:
    """PEM with its armour, a JSON Web Key, PuTTY's form, and the middle of a key."""
    assert holds_private_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "fleet-ca/private-key",
        "FleetCertificateAuthority/Production/EuWest1/SigningKeys/PrivateKeyPem",
        "MyFleetCaPrivateKeyForTheProductionAccountInEuWest1",
        "FleetSharedCertificateAuthority333333333333Key20261125",
        "fleet_ca_private_key_for_the_production_account_333333333333_eu_west_1_2026",
        "0" * 64,
        "3082" + "ab12" * 15,
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:fleet/ca-AbCdEf",
        "arn:aws:kms:us-east-1:222222222222:key/mrk-0123456789abcdef0123456789abcdef",
        "arn:aws:acm-pca:us-east-1:222222222222:certificate-authority/11111111-2222-3333-4444-555555555555",
        "/home/somebody/Projects/IoT/FleetCA/certs/prod-eu-west-1.verification.pem",
        r"C:\Users\Somebody\Documents\Private Key Ceremony 2026\fleet-ca.pem",
        "",
    ],
)
def test_names_arns_and_paths_are_none(text: str) -> None:
    """Long ones, with numbers and capitals, too."""
    assert not holds_private_key(text)


def test_a_key_as_the_path_of_a_certificate_is_not_repeated(tmp_path: Path) -> None:
    """The path of a file that is not there is told; a key is not."""
    der = make_key("ec-p256").private_bytes(*FORMS["PKCS#8"])
    key = base64.b64encode(der).decode()
    with pytest.raises(errors.PrivateKeyGivenError) as caught:
        CaCertificate.from_file(key)
    assert key[8:40] not in f"{caught.value!s} {vars(caught.value)}"
