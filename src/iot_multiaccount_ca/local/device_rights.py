"""What a device may do by its IoT policies: a client id, and topics to try. Pure; the broker is the judge."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LONGEST_TOPIC = 256


@dataclass(frozen=True)
class DeviceRights:
    """What to try. ``publish_topic`` is None where the policies let the device publish nothing, and so on.

    ``receive_topic`` is what comes by ``subscribe_filter``; it is ``publish_topic`` where the device may do both.
    """

    client_id: str
    publish_topic: str | None
    subscribe_filter: str | None
    receive_topic: str | None


def device_rights(documents: Iterable[str], *, thing_name: str | None, common_name: str) -> DeviceRights:
    """Read policy documents, JSON, for a device with this thing (None: it has none) and subject common name."""
    variables = {"iot:certificate.subject.commonname": common_name}
    if thing_name is not None:
        variables |= {
            "iot:connection.thing.thingname": thing_name,
            "iot:connection.thing.isattached": "true",
        }
    policies = _Policies(documents, variables)
    client_id = policies.first("iot:Connect", "client", thing_name or common_name) or common_name
    variables["iot:clientid"] = client_id
    policies = _Policies(documents, variables)
    publish = list(policies.topics("iot:Publish"))
    both = [(topic, found) for topic in publish if (found := policies.subscription(topic)) is not None]
    if both:
        topic, subscribe_filter = both[0]
        return DeviceRights(client_id, topic, subscribe_filter, topic)
    for topic in policies.topics("iot:Receive"):
        subscribe_filter = policies.subscription(topic) or ""
        if subscribe_filter:
            return DeviceRights(client_id, next(iter(publish), None), subscribe_filter, topic)
    return DeviceRights(client_id, next(iter(publish), None), None, None)


class _Policies:
    """The statements of policy documents, with their variables filled in."""

    def __init__(self, documents: Iterable[str], variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._statements: list[Mapping[str, Any]] = []
        for document in documents:
            self._statements += _as_list(json.loads(document).get("Statement", []))

    def topics(self, action: str) -> Iterator[str]:
        """Topics on which the action is allowed, one a pattern."""
        for pattern in self._patterns("Allow", action, "topic"):
            topic = _concrete(pattern)
            if (
                not topic.startswith("$")
                and len(topic) <= _LONGEST_TOPIC
                and self.allows(action, "topic", topic)
            ):
                yield topic

    def subscription(self, topic: str) -> str | None:
        """A topic filter by which the device may subscribe to and receive ``topic``."""
        if not self.allows("iot:Receive", "topic", topic):
            return None
        written = (
            pattern
            for pattern in self._patterns("Allow", "iot:Subscribe", "topicfilter")
            if "*" not in pattern
        )
        for subscribe_filter in (topic, *written):
            if _mqtt_matches(subscribe_filter, topic) and self.allows(
                "iot:Subscribe", "topicfilter", subscribe_filter
            ):
                return subscribe_filter
        return None

    def first(self, action: str, kind: str, preferred: str) -> str | None:
        """``preferred`` where the action is allowed on it, else something on which it is."""
        written = (_concrete(pattern) for pattern in self._patterns("Allow", action, kind))
        return next((each for each in (preferred, *written) if self.allows(action, kind, each)), None)

    def allows(self, action: str, kind: str, value: str) -> bool:
        """Whether some statement allows it, and none denies it; conditions are taken to hold."""
        allowed = any(_matches(pattern, value) for pattern in self._patterns("Allow", action, kind))
        return allowed and not any(
            _matches(pattern, value) for pattern in self._patterns("Deny", action, kind)
        )

    def _patterns(self, effect: str, action: str, kind: str) -> Iterator[str]:
        for statement in self._statements:
            actions = (str(each).lower() for each in _as_list(statement.get("Action", [])))
            if statement.get("Effect") != effect or not any(
                _matches(each, action.lower()) for each in actions
            ):
                continue
            for resource in _as_list(statement.get("Resource", [])):
                tail = str(resource).split(":", 5)[-1]
                filled = _VARIABLE.sub(self._value, tail)
                if filled == "*":
                    yield "*"
                elif filled.startswith(f"{kind}/") and "${" not in filled:
                    yield filled.removeprefix(f"{kind}/")

    def _value(self, variable: re.Match[str]) -> str:
        return self._variables.get(variable[1].lower(), variable[0])


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _matches(pattern: str, value: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _concrete(pattern: str) -> str:
    return pattern.replace("*", "rehearsal").replace("?", "r")


def _mqtt_matches(subscribe_filter: str, topic: str) -> bool:
    from paho.mqtt.client import topic_matches_sub

    return bool(topic_matches_sub(subscribe_filter, topic))
