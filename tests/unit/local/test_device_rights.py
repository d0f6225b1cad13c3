"""What a device may do by its policies: the client id and topics that a rehearsal tries."""

from __future__ import annotations

import json
from typing import Any

from iot_multiaccount_ca.local.device_rights import DeviceRights, device_rights

ARN = "arn:aws:iot:eu-west-1:111111111111:"
THING = "${iot:Connection.Thing.ThingName}"


def allow(action: str | list[str], *resources: str, **more: Any) -> dict[str, Any]:
    """A statement that allows, on resources without the ARN's head."""
    return {"Effect": "Allow", "Action": action, "Resource": [f"{ARN}{each}" for each in resources], **more}


def rights(*statements: dict[str, Any]) -> DeviceRights:
    """The rights of a device with the thing ``t-1`` and the common name ``cn-1``."""
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return device_rights([document], thing_name="t-1", common_name="cn-1")


CONNECT = allow("iot:Connect", f"client/{THING}")


def test_a_topic_on_which_it_hears_itself() -> None:
    """Where it may publish, receive and subscribe on one topic, that one is tried."""
    found = rights(
        CONNECT,
        allow(["iot:Publish", "iot:Receive"], f"topic/devices/{THING}/*"),
        allow("iot:Subscribe", f"topicfilter/devices/{THING}/*"),
    )
    topic = "devices/t-1/rehearsal"
    assert found == DeviceRights("t-1", topic, topic, topic)


def test_different_topics_to_publish_and_to_receive() -> None:
    """Telemetry one way and commands the other are tried each on its own topic."""
    found = rights(
        CONNECT,
        allow("iot:Publish", f"topic/telemetry/{THING}"),
        allow("iot:Receive", f"topic/commands/{THING}"),
        allow("iot:Subscribe", f"topicfilter/commands/{THING}"),
    )
    assert found == DeviceRights("t-1", "telemetry/t-1", "commands/t-1", "commands/t-1")


def test_a_subscription_by_a_filter_alone() -> None:
    """A policy that grants one MQTT filter is subscribed to by that filter."""
    found = rights(
        CONNECT, allow("iot:Receive", "topic/commands/*"), allow("iot:Subscribe", "topicfilter/commands/#")
    )
    assert found == DeviceRights("t-1", None, "commands/#", "commands/rehearsal")


def test_publishing_only() -> None:
    """A device that may only publish is asked for no more."""
    assert rights(CONNECT, allow("iot:Publish", "topic/t")) == DeviceRights("t-1", "t", None, None)


def test_a_star_allows_everything() -> None:
    """A policy on ``*`` gives a topic like any other."""
    everything = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}
    assert rights(everything) == DeviceRights("t-1", "rehearsal", "rehearsal", "rehearsal")


def test_a_client_id_by_the_common_name() -> None:
    """The client id is one that iot:Connect allows, the thing's name first."""
    found = rights(allow("iot:Connect", "client/${iot:Certificate.Subject.CommonName}"))
    assert found == DeviceRights("cn-1", None, None, None)


def test_what_is_denied_is_not_tried() -> None:
    """A Deny takes a topic away."""
    deny = {"Effect": "Deny", "Action": "iot:Publish", "Resource": f"{ARN}topic/a"}
    assert rights(CONNECT, allow("iot:Publish", "topic/a", "topic/b"), deny).publish_topic == "b"


def test_reserved_topics_and_unknown_variables_are_not_tried() -> None:
    """``$aws`` topics answer by rules of their own, and a variable without a value gives no topic."""
    found = rights(
        CONNECT, allow("iot:Publish", "topic/$aws/things/t-1/shadow/update", "topic/${iot:Unknown}/x")
    )
    assert found.publish_topic is None
