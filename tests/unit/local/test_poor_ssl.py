"""A Python whose ssl has less: the tool says less, and nothing false."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from iot_multiaccount_ca.local.diagnosis_texts import MEANINGS
from iot_multiaccount_ca.local.emulator import LocalAws
from iot_multiaccount_ca.local.gaps.tls import SUITES
from support.boards import LONG_AGO, BoardFleet, check, custom
from support.certificates import DeviceKeyPair, make_ca, make_device
from support.local_accounts import LocalAccount
from support.tls_client import context_of, knock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow
RARE_SUITE = "ECDHE-ECDSA-AES128-SHA256"


def poor(*lacks: str, **how: Any) -> LocalAws:
    """A local AWS whose Python lacks these."""
    folder = Path(__file__).parents[2] / "support/poor_ssl"
    return LocalAws(settings={"PYTHONPATH": str(folder), "SSL_LACKS": ":".join(lacks)}, **how)


@pytest.fixture(scope="module")
def poor_aws() -> Iterator[LocalAws]:
    """Without the private interface, and without one suite of AWS IoT's."""
    with poor("_msg_callback", RARE_SUITE) as made:
        yield made


def of_a_stranger(fleet: BoardFleet) -> DeviceKeyPair:
    """Of a CA that nobody registered."""
    return make_device(make_ca("ec-p256", common_name="nobody registered it"), "d")


def of_an_impostor(fleet: BoardFleet) -> DeviceKeyPair:
    """Of a CA with the registered one's name and another key."""
    name = fleet.ca.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    return make_device(make_ca("ec-p256", common_name=str(name), key_name="an impostor's"), "d")


def of_long_ago(fleet: BoardFleet) -> DeviceKeyPair:
    """Expired."""
    return make_device(fleet.ca, "d", not_before=LONG_AGO, not_after=LONG_AGO + dt.timedelta(days=1))


def for_servers(fleet: BoardFleet) -> DeviceKeyPair:
    """Of a usage that is not a device's."""
    return custom(fleet.ca, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("made", [of_a_stranger, of_an_impostor, of_long_ago, for_servers, lambda _: None])
def test_without_the_private_interface_less_is_told_and_nothing_else(
    fleet: BoardFleet,
    poor_aws: LocalAws,
    version: ssl.TLSVersion,
    made: Callable[[BoardFleet], DeviceKeyPair | None],
) -> None:
    """A handshake that fails: the same word, no sentence that the full one does not hold, and no certificate."""
    poor_fleet = BoardFleet(poor_aws, LocalAccount(poor_aws, fleet.place.account), fleet.ca)
    device = made(fleet)
    full, less = (each.python(device, maximum_version=version) for each in (fleet, poor_fleet))
    assert less.event == full.event
    assert full.says.startswith(less.says)
    assert less.fix in (full.fix, MEANINGS[less.event].fix)
    assert (less.aws, less.stage, less.warnings) == (full.aws, full.stage, full.warnings)
    certificate_fields = {"chain", "issuer", "key", "valid"}
    assert (
        less.sent.items()
        == {name: each for name, each in full.sent.items() if name not in certificate_fields}.items()
    )
    assert (set(full.sent) >= certificate_fields) is (device is not None)


def test_a_verified_certificate_is_known_without_the_private_interface(poor_aws: LocalAws) -> None:
    """By public means, so that a device is known again when it comes back."""
    fleet = BoardFleet(
        poor_aws, LocalAccount(poor_aws, "600000000001"), make_ca("ec-p256", common_name="public means")
    )
    device = make_device(fleet.ca, "device-1")
    made = knock(poor_aws, context_of(poor_aws, device), fleet.place.endpoint)
    assert [(each.event, each.certificates) for each in made.events] == [
        ("provisioned", (device.certificate.public_bytes(Encoding.DER),))
    ]


def test_a_suite_that_only_the_local_broker_lacks(poor_aws: LocalAws, tmp_path: Path) -> None:
    """An OpenSSL that was built without one of AWS's suites is no fault of the device's."""
    fleet = BoardFleet(
        poor_aws, LocalAccount(poor_aws, "600000000002"), make_ca("ec-p256", common_name="local suite")
    )
    found = fleet.openssl(tmp_path, make_device(fleet.ca, "d"), "-tls1_2", "-cipher", RARE_SUITE)
    check(
        found, "local-suite", f"AWS IoT has {RARE_SUITE}, and the OpenSSL of this machine has not", "nothing"
    )


def test_a_broker_without_tls_takes_the_blame(tmp_path: Path) -> None:
    """An OpenSSL that has none of AWS's suites: the sentence does not send the device's maker looking."""
    with poor(*SUITES.values(), tls=False) as aws:
        made = knock(aws, ssl._create_unverified_context(), "x")
    assert [each.event for each in made.events] == ["broken"]
