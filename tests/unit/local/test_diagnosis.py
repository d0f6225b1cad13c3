"""Mistakes in the name and the certificate, each made by a real client: the sentence for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from iot_multiaccount_ca.local.diagnosis import PlannedStage
from support.boards import LATER, LONG_AGO, UNREADABLE, BoardFleet, by_openssl, check, custom, unreadable
from support.certificates import DeviceKeyPair, make_ca, make_device, usage
from support.local_accounts import LocalAccount
from support.tls_client import context_of, knock, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iot_multiaccount_ca.local.emulator import LocalAws

YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


# --- the name ---------------------------------------------------------------------------------------------------


def test_no_sni(fleet: BoardFleet) -> None:
    """The commonest mistake: the endpoint that was wanted, and how stacks are told to send it."""
    found = fleet.python(make_device(fleet.ca, "d"), None)
    check(found, "no-sni", f"wanted: {fleet.place.endpoint}", "mbedtls_ssl_set_hostname")
    assert "gets nowhere" in found.aws
    assert found.sent["SNI"] == "none"


def test_no_sni_with_an_owner(aws: LocalAws, places: list[LocalAccount]) -> None:
    """Where an account holds the CA in DEFAULT mode the device lands there, which is told."""
    fleet = BoardFleet(aws, places[0], make_ca("ec-p256", common_name="diagnosis owner"), "DEFAULT")
    found = fleet.python(make_device(fleet.ca, "d"), None)
    assert (found.event, found.stage) == ("provisioned", "dev")
    assert "lands with the DEFAULT owner" in found.aws
    assert any("sends no SNI" in each for each in found.warnings)


def test_an_address_as_name(fleet: BoardFleet, tmp_path: Path) -> None:
    """Stacks that send what they dial."""
    found = fleet.openssl(tmp_path, make_device(fleet.ca, "d"), name="127.0.0.1")
    check(found, "unknown-name", "'127.0.0.1', which is not an endpoint of AWS IoT", "not an address")


@pytest.mark.parametrize(
    ("change", "event"),
    [
        (lambda endpoint: "mqtt.example.com", "unknown-name"),
        (lambda endpoint: endpoint.replace("eu-west-1", "eu-west-2"), "other-region"),
        (lambda endpoint: "a0000000000000" + endpoint[endpoint.index("-ats") :], "unknown-endpoint"),
        (lambda endpoint: f"{endpoint}:8883", "unknown-name"),
        (lambda endpoint: f"{endpoint}.example.com", "unknown-name"),
        (lambda endpoint: endpoint.replace(".iot.", ".iot-fips."), "unknown-name"),
    ],
)
def test_a_wrong_name(fleet: BoardFleet, change: Callable[[str], str], event: str) -> None:
    """An unknown name, another region, another account: the one that came, and the one that was wanted."""
    name = change(fleet.place.endpoint)
    found = fleet.python(make_device(fleet.ca, "d"), name)
    check(found, event, name, "endpoint")
    assert fleet.place.endpoint in found.says


def test_the_account_of_another(fleet: BoardFleet, places: list[LocalAccount]) -> None:
    """An account that is there and does not know the CA."""
    places[1].register(make_ca("ec-p256", common_name="of another account"))
    found = fleet.python(make_device(fleet.ca, "d"), places[1].endpoint)
    check(found, "other-account", "does not hold its CA", "endpoint of a stage")


def test_a_legacy_name(fleet: BoardFleet) -> None:
    """It works, and is warned of."""
    found = fleet.python(make_device(fleet.ca, "d"), fleet.place.endpoint.replace("-ats", ""))
    assert (found.event, found.stage) == ("provisioned", "dev")
    assert any("legacy endpoint" in each for each in found.warnings)


@pytest.mark.parametrize(("name", "event"), [("", "no-sni"), ("127.0.0.1", "unknown-name")])
def test_no_sni_with_an_owner_in_two_regions(
    aws: LocalAws, places: list[LocalAccount], tmp_path: Path, name: str, event: str
) -> None:
    """AWS knows the region by the address that is dialled, which is one here: that is told, and no CA is blamed."""
    fleet = BoardFleet(aws, places[0], make_ca("ec-p256", common_name=f"two regions {event}"), "DEFAULT")
    there = LocalAccount(aws, places[0].account, "us-east-1")
    there.register(fleet.ca, "DEFAULT")
    record = replace(fleet.record, stage="there", region="us-east-1")
    fleet.plan.append(PlannedStage(record, there.endpoint, fleet.ca.certificate))
    device = make_device(fleet.ca, "d")
    found = fleet.openssl(tmp_path, device, name=name) if name else fleet.python(device, None)
    check(found, event, "hold its CA in DEFAULT mode: AWS would know the region", "endpoint as SNI")
    assert f"wanted: {fleet.place.endpoint} or {there.endpoint}" in found.says
    if not name:
        assert found.aws.startswith(
            "it would land in dev or there, the DEFAULT owner of its CA, of the region"
        )


@pytest.mark.parametrize("name", ["127.0.0.1", "mqtt.example.com", "the endpoint:8883"])
def test_a_name_that_is_no_endpoint_with_an_owner(
    aws: LocalAws, places: list[LocalAccount], tmp_path: Path, name: str
) -> None:
    """The DEFAULT owner lets it in here, as without SNI: the name is warned of, and AWS is not said to do the same."""
    fleet = BoardFleet(aws, places[0], make_ca("ec-p256", common_name=f"no endpoint {name}"), "DEFAULT")
    sent = name.replace("the endpoint", fleet.place.endpoint)
    found = fleet.openssl(tmp_path, make_device(fleet.ca, "d"), name=sent)
    assert (found.event, found.stage) == ("provisioned", "dev")
    assert found.aws.startswith("not documented")
    assert any(f"{sent!r}, which is not an endpoint" in each for each in found.warnings)


@pytest.mark.parametrize("domain", ["localhost", "amazonaws.com"])
def test_an_endpoint_is_not_warned_of(aws: LocalAws, places: list[LocalAccount], domain: str) -> None:
    """Whatever its case, in the domain of AWS as firmware may have it."""
    fleet = BoardFleet(aws, places[0], make_ca("ec-p256", common_name=f"endpoint {domain}"))
    name = fleet.place.endpoint.removesuffix("localhost").upper() + domain
    found = fleet.python(make_device(fleet.ca, "d"), name)
    assert (found.event, found.aws, found.warnings) == (
        "provisioned",
        "the same: the first connect provisions it and is cut off",
        (),
    )


def test_two_stages_of_one_account(aws: LocalAws, places: list[LocalAccount]) -> None:
    """Of two plans in one account and region the stage is that of the CA which signed the device."""
    cameras = BoardFleet(aws, places[0], make_ca("ec-p256", common_name="cameras"))
    doors = make_ca("ec-p256", common_name="doors")
    places[0].register(doors, registrationConfig={"templateName": "jitp"})
    cameras.plan.append(
        PlannedStage(replace(cameras.record, stage="doors"), places[0].endpoint, doors.certificate)
    )
    found = cameras.python(make_device(doors, "d"))
    assert (found.event, found.stage) == ("provisioned", "doors")
    assert (found.account, found.region) == (places[0].account, places[0].region)


# --- the certificate --------------------------------------------------------------------------------------------


def test_no_certificate(fleet: BoardFleet) -> None:
    """Also where a key cannot be used."""
    check(fleet.python(None), "no-certificate", "sent no certificate", "the device's certificate and its key")


@pytest.mark.parametrize("sends_chain", [True, False])
def test_the_root_registered_instead_of_the_signer(
    aws: LocalAws, places: list[LocalAccount], sends_chain: bool
) -> None:
    """The plan registers the root, and an intermediate signed the device."""
    root = make_ca("ec-p256", common_name="the root")
    signer = make_ca("ec-p256", common_name="the signer", issuer=root)
    fleet = BoardFleet(aws, places[0], root)
    found = fleet.python(make_device(signer, "d"), chain=signer.pem if sends_chain else "")
    further_up = ", which is further up its chain" if sends_chain else ""
    check(
        found,
        "not-registered" if sends_chain else "unknown-issuer",
        f"signed by CN=the signer, and the plan registers CN=the root{further_up}",
        "register CN=the signer",
    )


@pytest.mark.parametrize("identifiers", [True, False])
def test_the_same_name_and_another_key(aws: LocalAws, places: list[LocalAccount], identifiers: bool) -> None:
    """Two CAs of one name: with key identifiers and without them."""
    how: dict[str, Any] = {"common_name": f"one name {identifiers}", "subject_key_identifier": identifiers}
    fleet = BoardFleet(aws, places[0], make_ca("ec-p256", **how))
    impostor = make_ca("ec-p256", key_name="another key", **how)
    found = fleet.python(make_device(impostor, "d"))
    assert found.event in ("other-key", "unknown-issuer"), found
    assert "another key signed it" in found.says
    assert "sign with the key of the registered CA" in (found.fix or "")


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [(LONG_AGO, dt.datetime(2021, 1, 1, tzinfo=dt.UTC), "expired"), (LATER, None, "not-yet-valid")],
)
def test_validity(fleet: BoardFleet, before: dt.datetime, after: dt.datetime | None, event: str) -> None:
    """Expired, and not yet valid; the dates are among what it sent."""
    found = fleet.python(make_device(fleet.ca, "d", not_before=before, not_after=after))
    check(found, event, "certificate", "issue the device's certificate anew")
    shown = after if after is not None else before
    assert f"{shown:%Y-%m-%d}, and it is {dt.datetime.now(dt.UTC):%Y-}" in found.says
    assert found.sent["valid"].startswith(str(before.date()))


def test_usage(fleet: BoardFleet) -> None:
    """A certificate for servers."""
    for_servers = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    found = fleet.python(custom(fleet.ca, (for_servers, False)))
    check(found, "usage", "does not allow client", "clientAuth")
    assert found.says.endswith("CN=custom has the extendedKeyUsage serverAuth")


@pytest.mark.parametrize(
    ("extension", "says"),
    [
        (usage(key_encipherment=True), "has a keyUsage without digitalSignature"),
        (
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),
            "has the extendedKeyUsage 2.5.29.37.0",
        ),
        (
            x509.UnrecognizedExtension(x509.ObjectIdentifier("2.16.840.1.113730.1.1"), b"\x03\x02\x06\x40"),
            "has a Netscape certificate type",
        ),
    ],
)
def test_other_usages(fleet: BoardFleet, extension: x509.ExtensionType, says: str) -> None:
    """A key that may sign nothing; any usage, which is not a client's; Netscape's word for servers."""
    found = fleet.python(custom(fleet.ca, (extension, False)))
    check(found, "usage", f"CN=custom {says}", "keyUsage digitalSignature")


@pytest.mark.parametrize(
    ("unknown", "name"),
    [
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"), "1.2.3.4.5"),
        (x509.TLSFeature([x509.TLSFeatureType.status_request]), "1.3.6.1.5.5.7.1.24"),
    ],
)
def test_a_critical_extension(fleet: BoardFleet, unknown: x509.ExtensionType, name: str) -> None:
    """One that nobody knows, and one that OpenSSL does not: each by its number."""
    check(
        fleet.python(custom(fleet.ca, (unknown, True))),
        "critical-extension",
        f"CN=custom has {name}",
        "not critical",
    )


def test_a_weak_key(fleet: BoardFleet) -> None:
    """RSA of 1024 bits, from a stack that has no objections."""
    context = context_of(fleet.aws, ciphers="DEFAULT@SECLEVEL=0")
    device = custom(fleet.ca, bits=1024)
    load(context, device.pem, device.key_pem)
    found = fleet.diagnose(knock(fleet.aws, context, fleet.place.endpoint).port)
    check(found, "weak-key", "too weak", "another key")
    assert found.says.endswith("CN=custom has a key RSA 1024")
    assert found.sent["key"] == "RSA 1024"


def test_an_explicit_curve(fleet: BoardFleet, tmp_path: Path) -> None:
    """A key that spells its curve out, as some old tools make it."""
    device = by_openssl(
        fleet.ca,
        tmp_path,
        "ecparam -name prime256v1 -genkey -noout -param_enc explicit -out d.key",
        "req -new -key d.key -subj /CN=explicit -out d.csr",
        "x509 -req -in d.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 3 -out d.pem",
    )
    check(fleet.openssl(tmp_path, device), "explicit-curve", "spells its curve out", "named curve")


def test_a_weak_signature(fleet: BoardFleet, tmp_path: Path) -> None:
    """A certificate that its CA signed with SHA-1, from a stack that has no objections."""
    device = by_openssl(
        fleet.ca,
        tmp_path,
        "req -new -newkey rsa:2048 -nodes -keyout d.key -subj /CN=sha1 -out d.csr",
        "x509 -req -sha1 -in d.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 3 -out d.pem",
    )
    context = context_of(fleet.aws, ciphers="DEFAULT@SECLEVEL=0")
    load(context, device.pem, device.key_pem)
    found = fleet.diagnose(knock(fleet.aws, context, fleet.place.endpoint).port)
    check(found, "weak-signature", "signed with a digest that is too weak", "SHA-256")
    assert found.says.endswith("CN=sha1 is signed with SHA-1")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("algorithm", ["ed25519", "ed448"])
def test_a_key_that_aws_does_not_take(
    fleet: BoardFleet, tmp_path: Path, algorithm: str, version: str
) -> None:
    """OpenSSL takes Edwards curves, whatever the TLS version, and AWS IoT does not: nothing is registered."""
    device = by_openssl(
        fleet.ca,
        tmp_path,
        f"req -new -newkey {algorithm} -nodes -keyout d.key -subj /CN=edwards -out d.csr",
        "x509 -req -in d.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 3 -out d.pem",
    )
    found = fleet.openssl(tmp_path, device, version)
    check(found, "weak-key", "key algorithm of the device's certificate is not supported", "another key")
    assert fleet.place.iot.list_certificates()["certificates"] == []


def test_a_curve_that_aws_does_not_take(fleet: BoardFleet, tmp_path: Path) -> None:
    """Bitcoin's; with TLS 1.3 a stack leaves its certificate out instead."""
    device = by_openssl(
        fleet.ca,
        tmp_path,
        "ecparam -name secp256k1 -genkey -noout -out d.key",
        "req -new -key d.key -subj /CN=koblitz -out d.csr",
        "x509 -req -in d.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 3 -out d.pem",
    )
    check(fleet.openssl(tmp_path, device, "-tls1_2"), "weak-key", "curve of the device's key", "another key")
    check(fleet.openssl(tmp_path, device), "no-certificate", "sent no certificate", "another curve")


def test_a_digest_that_aws_does_not_take(fleet: BoardFleet, tmp_path: Path) -> None:
    """SHA-224 is good enough for OpenSSL."""
    device = by_openssl(
        fleet.ca,
        tmp_path,
        "req -new -newkey rsa:2048 -nodes -keyout d.key -subj /CN=sha224 -out d.csr",
        "x509 -req -sha224 -in d.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 3 -out d.pem",
    )
    check(fleet.openssl(tmp_path, device), "weak-signature", "signature algorithm of the device's", "SHA-256")


def test_an_expired_ca_between(aws: LocalAws, places: list[LocalAccount]) -> None:
    """The device's own dates are right: the sentence does not say that it is the device's certificate."""
    root = make_ca("ec-p256", common_name="of today")
    signer = make_ca("ec-p256", common_name="of old", issuer=root, not_before=LONG_AGO, not_after=YESTERDAY)
    found = BoardFleet(aws, places[0], root).python(make_device(signer, "d"), chain=signer.pem)
    check(found, "expired", "or a CA above it, has expired", "anew")
    assert f"CN=of old was valid until {YESTERDAY:%Y-%m-%d}" in found.says


def test_a_chain_that_is_longer_than_the_ca_allows(aws: LocalAws, places: list[LocalAccount]) -> None:
    """What OpenSSL refuses for a cause that has no word of its own is told by OpenSSL's."""
    root = make_ca("ec-p256", common_name="no CA below", path_length=0)
    signer = make_ca("ec-p256", common_name="a CA below", issuer=root)
    found = BoardFleet(aws, places[0], root).python(make_device(signer, "d"), chain=signer.pem)
    check(found, "certificate", "path length constraint exceeded", "openssl verify")


def test_a_subject_that_makes_no_thing(fleet: BoardFleet) -> None:
    """A device that the template cannot be applied to: the cause, which AWS tells in its logs only."""
    found = fleet.python(make_device(fleet.ca, "a name with spaces"))
    check(found, "not-provisioned", "stays PENDING_ACTIVATION in", "iot-ca simulate")
    assert "a name with spaces" in found.says or "thing" in found.says.lower()


def test_two_cas_of_one_name_without_identifiers(aws: LocalAws, places: list[LocalAccount]) -> None:
    """A rotation under one name: TLS may take the other CA for the issuer, and nobody says that another key signed."""
    how: dict[str, Any] = {"common_name": "rotated", "subject_key_identifier": False}
    old, new = (make_ca("ec-p256", key_name=f"rotated {age}", **how) for age in ("old", "new"))
    fleet = BoardFleet(aws, places[0], old)
    places[0].register(new, registrationConfig={"templateName": "jitp"})
    fleet.plan.append(PlannedStage(fleet.record, places[0].endpoint, new.certificate))
    found = [fleet.python(custom(ca)) for ca in (old, new)]
    assert "provisioned" in [each.event for each in found]
    for each in found:
        if each.event != "provisioned":
            check(
                each,
                "other-key",
                "several CAs of the name CN=rotated, one of them signed it",
                "subjectKeyIdentifier",
            )
            assert each.aws.startswith("not documented")
    assert len({each.event for each in found}) == 2, (
        "the local AWS tells them apart: the sentence has no occasion"
    )


def test_a_signer_that_is_no_ca(aws: LocalAws, places: list[LocalAccount]) -> None:
    """A device that issues: nobody is advised to register what is no CA."""
    root = make_ca("ec-p256", common_name="above")
    signer = make_ca("ec-p256", common_name="no CA", issuer=root, ca=False)
    found = BoardFleet(aws, places[0], root).python(make_device(signer, "d"), chain=signer.pem)
    assert (found.event, "should be a CA is none" in found.says) == ("certificate", True), found


def test_a_device_that_signed_itself(fleet: BoardFleet) -> None:
    """It is not advised to register the device as a CA."""
    own = make_ca("ec-p256", common_name="self-made", ca=False)
    found = fleet.python(DeviceKeyPair(own.pem, own.key, own.key_pem, own.certificate))
    check(
        found,
        "unknown-issuer",
        "it is CN=self-made, signed by itself",
        "issue the device's certificate from CN=",
    )


def test_a_device_that_has_the_cas_own_certificate(fleet: BoardFleet) -> None:
    """A prototype with the fleet's CA on it is warned of, or its usage is told."""
    found = fleet.python(DeviceKeyPair(fleet.ca.pem, fleet.ca.key, fleet.ca.key_pem, fleet.ca.certificate))
    check(found, "usage", "has a keyUsage without digitalSignature", "keyUsage digitalSignature")
    device = make_device(fleet.ca, "d", ca=True)
    found = fleet.python(device)
    assert found.event == "provisioned"
    assert any("its certificate is a CA's" in each for each in found.warnings)


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_certificate_that_cannot_be_read(fleet: BoardFleet, kind: str) -> None:
    """It ends with a sentence that blames no CA, and whoever tells of it goes on."""
    found = fleet.python(unreadable(fleet.ca, kind))
    check(found, "certificate", "not encoded as X.509 has it", "issue the device's certificate anew")
    assert "chain" not in found.sent
