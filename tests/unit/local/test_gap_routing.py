"""The name that a device sends chooses account and region, and without one it is the DEFAULT owner's."""

from __future__ import annotations

import socket

import pytest

from iot_multiaccount_ca.local.device import Broker, Device, DeviceError, Outcome
from iot_multiaccount_ca.local.emulator import LOOPBACK, LocalAws
from support.certificates import make_ca
from support.local_accounts import LocalAccount, connect, device_of


def test_one_certificate_active_in_several_accounts(aws: LocalAws, places: list[LocalAccount]) -> None:
    """A device whose certificate is ACTIVE in several accounts reaches the one whose endpoint it names."""
    ca = make_ca("ec-p256", common_name="several accounts")
    device = device_of(ca)
    for place in places:
        place.register(ca, registrationConfig={"templateName": place.template()})
        assert connect(aws, device, place.endpoint) is Outcome.CUT_OFF
    for place in places:
        assert place.status_of(device) == "ACTIVE"
        assert connect(aws, device, place.endpoint) is Outcome.CONNECTED


def test_what_a_device_publishes_stays_in_the_account_that_it_named(
    aws: LocalAws, places: list[LocalAccount]
) -> None:
    """Two connections of one device, to two accounts, hear nothing of each other."""
    ca = make_ca("ec-p256", common_name="kept apart")
    device = device_of(ca)
    broker = Broker(LOOPBACK, aws.broker_port, aws.broker_trust_anchor())
    for place in places[:2]:
        place.register(ca, registrationConfig={"templateName": place.template()})
        connect(aws, device, place.endpoint)
    with (
        Device(device, broker, places[0].endpoint, client_id=device.common_name) as here,
        Device(device, broker, places[1].endpoint, client_id=device.common_name) as there,
    ):
        for connection in (here, there):
            assert connection.connect() is Outcome.CONNECTED
            assert connection.subscribe("devices/device-1/said")
        assert here.publish("devices/device-1/said", b"here")
        assert there.publish("devices/device-1/said", b"there")
        assert (here.receive("devices/device-1/said"), there.receive("devices/device-1/said")) == (
            b"here",
            b"there",
        )


def test_the_name_chooses_the_region(aws: LocalAws, places: list[LocalAccount]) -> None:
    """One CA in two regions of an account: the device is registered in the region of the name, and only there."""
    ca = make_ca("ec-p256", common_name="two regions")
    device = device_of(ca)
    here, there = places[0], LocalAccount(aws, places[0].account, "us-east-1")
    for place in (here, there):
        place.register(ca)
    connect(aws, device, there.endpoint)
    assert (here.status_of(device), there.status_of(device)) == (None, "PENDING_ACTIVATION")


def test_a_region_in_no_list_is_named_by_the_broker(aws: LocalAws, places: list[LocalAccount]) -> None:
    """A device verifies the broker by its name also in a region that the emulator does not list."""
    ca = make_ca("ec-p256", common_name="a new region")
    place = LocalAccount(aws, places[0].account, "eu-isoe-west-1")
    device = device_of(ca)
    with pytest.raises(DeviceError, match=r"doesn't match|mismatch"):
        connect(aws, device, place.endpoint)
    place.register(ca)
    assert connect(aws, device, place.endpoint) is Outcome.CUT_OFF
    assert place.status_of(device) == "PENDING_ACTIVATION"


def test_an_active_certificate_is_no_entry_elsewhere(aws: LocalAws, places: list[LocalAccount]) -> None:
    """A certificate that is ACTIVE in one account opens no other that does not know it."""
    ca = make_ca("ec-p256", common_name="no entry")
    device = device_of(ca)
    places[0].register(ca, registrationConfig={"templateName": places[0].template()})
    connect(aws, device, places[0].endpoint)
    assert connect(aws, device, places[1].endpoint) is Outcome.CUT_OFF
    assert places[1].status_of(device) is None


def test_without_a_name_it_is_the_default_owner(aws: LocalAws, places: list[LocalAccount]) -> None:
    """A device that sends no SNI is registered by, and connects to, the account that holds its CA in DEFAULT mode."""
    ca = make_ca("ec-p256", common_name="no SNI")
    device = device_of(ca)
    places[0].register(ca)
    places[1].register(ca, "DEFAULT", registrationConfig={"templateName": places[1].template()})
    assert connect(aws, device, None) is Outcome.CUT_OFF
    assert [place.status_of(device) for place in places] == [None, "ACTIVE", None]
    assert connect(aws, device, None) is Outcome.CONNECTED


def test_without_a_name_and_without_an_owner_it_gets_nowhere(
    aws: LocalAws, places: list[LocalAccount]
) -> None:
    """SNI_ONLY registrations are never reached without SNI, not even by a device that they know."""
    ca = make_ca("ec-p256", common_name="no SNI, no owner")
    device = device_of(ca)
    places[0].register(ca, registrationConfig={"templateName": places[0].template()})
    assert connect(aws, device, None) is Outcome.CUT_OFF
    assert places[0].status_of(device) is None
    connect(aws, device, places[0].endpoint)
    assert connect(aws, device, places[0].endpoint) is Outcome.CONNECTED
    assert connect(aws, device, None) is Outcome.CUT_OFF


def test_it_listens_on_loopback_only(aws: LocalAws) -> None:
    """Neither broker nor endpoint answers on another address of this machine than 127.0.0.1."""
    for port in (aws.broker_port, aws.gateway_port):
        assert answers(LOOPBACK, port)
        # Whoever listens on every address listens on this one, too.
        assert not answers("127.0.0.2", port)


def answers(address: str, port: int) -> bool:
    """Whether someone listens there."""
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return False
    return True
