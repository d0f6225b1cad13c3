"""CloudFormation around one custom resource: what it sends, and what it does next after every answer, or none.

AWS CloudFormation user guide, "Custom resources"; ``../shared`` facts: a failed Create gets a Delete, a failed Update
an Update back to the old properties, a changed physical id a Delete of the old one at the end.
"""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import responder
from ca_registrar import lifecycle
from support.fakes.faults import Script
from support.fakes.stacks import FakeStacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.fakes.faults import Fault
    from support.fakes.wire import FakeClients

RESPONSE_URL = "https://cloudformation-custom-resource-response.invalid/?signature=secret"
_TIMEOUT = 300.0


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self, left: float = _TIMEOUT) -> None:
        self._now, self._left = 0.0, left

    def now(self) -> float:
        return self._now

    def left(self) -> float:
        return self._left - self._now

    def pause(self, seconds: float) -> None:
        self._now += seconds
        if self.left() < responder.RESERVE:
            raise responder.DeadlineExceededError


class _Context:
    log_stream_name = "stream"

    def get_remaining_time_in_millis(self) -> int:
        return int(_TIMEOUT * 1000)


@dataclass(frozen=True)
class Answer:
    """One request, and what CloudFormation got for it: ``None`` from a Lambda that died."""

    request: str
    answer: dict[str, Any] | None
    log: str
    calls: tuple[tuple[str, str], ...]

    @property
    def succeeded(self) -> bool:
        return self.answer is not None and self.answer["Status"] == "SUCCESS"

    @property
    def reason(self) -> str:
        return "" if self.answer is None else str(self.answer.get("Reason", ""))


@dataclass
class Resource:
    """A ``Custom::IotCaCertificate`` in a stack. ``properties``: those in force; ``None`` where it does not exist.

    ``stuck``: the roll-back or the Delete failed, and somebody has to ask for it again.
    """

    account: str
    region: str
    clients: FakeClients
    script: Script
    stack: str = "FleetCa-dev"
    logical_id: str = "Ca"
    properties: dict[str, Any] | None = None
    physical_id: str = ""
    stuck: Callable[[], bool] | None = None
    answers: list[Answer] = field(default_factory=list)
    stacks: FakeStacks = field(default_factory=FakeStacks)
    generation: int = 0
    #: The properties of the request under way, whose policy the Lambda's role has by then.
    asking: dict[str, Any] = field(default_factory=dict)
    _requests: int = 0

    @property
    def stack_id(self) -> str:
        """Of a stack that is made again it is another."""
        place = f"{self.region}:{self.account}"
        return f"arn:aws:cloudformation:{place}:stack/{self.stack}/00000000-0000-0000-0000-{self.generation:012d}"

    @property
    def status(self) -> str | None:
        """How the stack stands; ``None`` where there was none of the name yet."""
        return self.stacks.statuses.get(self.stack_id)

    def _is(self, status: str) -> None:
        self.stacks.statuses[self.stack_id] = status

    def _begin(self) -> None:
        """A stack that failed to be made is removed before it is made again, and is another one then."""
        if self.status == "ROLLBACK_COMPLETE":
            self._is("DELETE_COMPLETE")
        if self.status == "DELETE_COMPLETE":
            self.generation += 1
        self._is("CREATE_IN_PROGRESS")

    def create(self, properties: dict[str, Any], fault: Fault | None = None, *, twice: bool = False) -> bool:
        """Whether it was made; if not, the roll-back's Delete was sent. ``twice``: Lambda delivers a second time."""
        self._begin()
        answer = self._ask("Create", properties, fault=fault)
        if twice and answer.answer is None:
            answer = self._ask("Create", properties, again=True)
        if answer.succeeded:
            assert answer.answer is not None
            self.properties, self.physical_id = properties, answer.answer["PhysicalResourceId"]
            self._is("CREATE_COMPLETE")
            return True
        self.physical_id = (answer.answer or {}).get(
            "PhysicalResourceId"
        ) or f"{self.stack}-{self.logical_id}-1"
        return not self._clear(properties)

    def create_in_vain(
        self, properties: dict[str, Any], fault: Fault | None = None, *, twice: bool = False
    ) -> bool:
        """It is made, and something else in the stack fails: the roll-back deletes it. ``fault``: of that Delete.

        Whether it was made at all.
        """
        if not self.create(properties):
            return False
        self.properties = None
        return self._clear(properties, fault, twice=twice)

    def _clear(self, properties: dict[str, Any], fault: Fault | None = None, *, twice: bool = False) -> bool:
        """The Delete of a failed Create. Always true: the Create failed, whatever comes of this."""
        self._is("ROLLBACK_IN_PROGRESS")
        answer = self._ask("Delete", properties, physical_id=self.physical_id, fault=fault)
        if twice and answer.answer is None:
            answer = self._ask("Delete", properties, physical_id=self.physical_id, again=True)
        done = answer.succeeded
        self._is("ROLLBACK_COMPLETE" if done else "ROLLBACK_FAILED")
        self.stuck = None if done else lambda: self._clear(properties)
        return True

    def update(self, properties: dict[str, Any], fault: Fault | None = None, *, twice: bool = False) -> bool:
        """Whether it was updated; if not, the roll-back was sent."""
        old = self.properties
        assert old is not None
        answer = self._forward(properties, old, fault, twice=twice)
        if answer.succeeded:
            self._settle(answer, properties, old)
            return True
        if answer.answer is not None:
            # Another id would have CloudFormation delete the old registration.
            assert answer.answer["PhysicalResourceId"] == self.physical_id
        self._roll_back(properties, old)
        return False

    def update_in_vain(
        self, properties: dict[str, Any], fault: Fault | None = None, *, twice: bool = False
    ) -> bool:
        """It is updated, and something else in the stack fails: all goes back. ``fault``: of that Update.

        Whether it was updated at all.
        """
        old = self.properties
        assert old is not None
        answer = self._forward(properties, old, None)
        if answer.answer is not None and answer.succeeded:
            self.physical_id = answer.answer["PhysicalResourceId"]
        self._roll_back(properties, old, fault, twice=twice)
        return answer.succeeded

    def _forward(
        self, properties: dict[str, Any], old: dict[str, Any], fault: Fault | None, *, twice: bool = False
    ) -> Answer:
        self._is("UPDATE_IN_PROGRESS")
        answer = self._ask("Update", properties, old=old, physical_id=self.physical_id, fault=fault)
        if twice and answer.answer is None:
            answer = self._ask("Update", properties, old=old, physical_id=self.physical_id, again=True)
        return answer

    def _roll_back(
        self,
        failed: dict[str, Any],
        old: dict[str, Any],
        fault: Fault | None = None,
        *,
        twice: bool = False,
    ) -> bool:
        self._is("UPDATE_ROLLBACK_IN_PROGRESS")
        answer = self._ask("Update", old, old=failed, physical_id=self.physical_id, fault=fault)
        if twice and answer.answer is None:
            answer = self._ask("Update", old, old=failed, physical_id=self.physical_id, again=True)
        if answer.succeeded:
            self.stuck = None
            self._settle(answer, old, failed)
        else:
            self._is("UPDATE_ROLLBACK_FAILED")
            self.stuck = lambda: self._roll_back(failed, old)
        return answer.succeeded

    def _settle(self, answer: Answer, properties: dict[str, Any], before: dict[str, Any]) -> None:
        assert answer.answer is not None
        back = "ROLLBACK" in str(self.status)
        done = "UPDATE_ROLLBACK_COMPLETE" if back else "UPDATE_COMPLETE"
        physical_id = answer.answer["PhysicalResourceId"]
        if physical_id != self.physical_id:
            self._is(f"{done}_CLEANUP_IN_PROGRESS")
            self._ask("Delete", before, physical_id=self.physical_id)
        self.properties, self.physical_id = properties, physical_id
        self._is(done)

    def delete(self, fault: Fault | None = None, *, twice: bool = False) -> bool:
        """Whether it is gone; if not, it can be asked for again."""
        assert self.properties is not None
        self._is("DELETE_IN_PROGRESS")
        answer = self._ask("Delete", self.properties, physical_id=self.physical_id, fault=fault)
        if twice and answer.answer is None:
            answer = self._ask("Delete", self.properties, physical_id=self.physical_id, again=True)
        self.stuck = None if answer.succeeded else self.delete
        self._is("DELETE_COMPLETE" if answer.succeeded else "DELETE_FAILED")
        if answer.succeeded:
            self.properties = None
        return answer.succeeded

    def die_retained(self) -> None:
        """The stack goes, and leaves what it registered: RemovalPolicy.RETAIN."""
        self.properties = None
        self._is("DELETE_COMPLETE")

    def deliver_late(self, properties: dict[str, Any]) -> None:
        """Lambda delivers a Create a second time, when the stack is gone already: nobody reads the answer."""
        assert self.status == "DELETE_COMPLETE"
        self._ask("Create", properties, again=True)
        self.answers.pop()

    def _ask(
        self,
        kind: str,
        properties: dict[str, Any],
        *,
        old: dict[str, Any] | None = None,
        physical_id: str | None = None,
        fault: Fault | None = None,
        again: bool = False,
    ) -> Answer:
        self._requests += not again
        self.asking = properties
        event: dict[str, Any] = {
            "RequestType": kind,
            "RequestId": f"request-{self._requests}",
            "ResponseURL": RESPONSE_URL,
            "StackId": self.stack_id,
            "LogicalResourceId": self.logical_id,
            "ResourceProperties": properties,
        }
        if old is not None:
            event["OldResourceProperties"] = old
        if physical_id is not None:
            event["PhysicalResourceId"] = physical_id
        # CloudFormation hands over copies.
        event = json.loads(json.dumps(event))
        self.script.begin(fault)
        sent: list[dict[str, Any]] = []
        with _lambda(self.clients, sent), contextlib.redirect_stdout(io.StringIO()) as log:
            responder.handler(event, _Context())
        assert len(sent) == 1
        answered = Answer(
            kind, None if self.script.dead else sent[0], log.getvalue(), tuple(self.script.calls)
        )
        self.answers.append(answered)
        return answered


@contextlib.contextmanager
def _lambda(clients: FakeClients, sent: list[dict[str, Any]]) -> Iterator[None]:
    """What the runtime lends to the Lambda: clients, time, and the way to CloudFormation."""
    with (
        patch.object(lifecycle, "Clients", lambda region: clients),
        patch.object(lifecycle, "Clock", lambda context: Clock()),
        patch.object(responder, "_send", lambda url, body: sent.append(json.loads(body))),
    ):
        yield
