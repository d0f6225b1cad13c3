"""Faults at a chosen call of one invocation of a Lambda: before it, or after it took effect."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from responder import DeadlineExceededError
from support.fakes.wire import COMMON_ERRORS, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.fakes.wire import Fake


class Kind(Enum):
    """What happens at the call."""

    REFUSED = "the call is refused"
    REFUSED_FROM_THEN_ON = "this operation is refused from then on"
    UNREACHABLE = "AWS is not reached"
    UNREACHABLE_FROM_THEN_ON = "AWS is not reached from then on"
    ANSWER_LOST = "the call takes effect, and its answer is lost"
    ANSWER_LOST_AND_RETRIED = "the call takes effect, its answer is lost, and botocore makes it again"
    DIED_BEFORE = "the Lambda dies before the call"
    DIED_AFTER = "the Lambda dies right after the call took effect"
    TIME_OUT_BEFORE = "time runs out before the call"
    TIME_OUT_AFTER = "time runs out right after the call took effect"


@dataclass(frozen=True)
class Fault:
    """``call``: which one of the invocation, from 0. ``code``: the error that a refusal answers.

    ``vanishes``: the id of a CA that somebody removes in that moment, so that "not found" is no lie; a call that is
    about another one is answered.
    """

    call: int
    kind: Kind
    code: str = ""
    vanishes: str = ""


class Died(BaseException):
    """The Lambda's process ended; nothing after this happens in it."""


class Script:
    """What goes wrong in one invocation; and what was called in it, service and operation, in order."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.calls: list[tuple[str, str]] = []
        self.dead = False
        self._struck: tuple[str, str] | None = None

    def begin(self, fault: Fault | None) -> None:
        """A new invocation."""
        self.fault, self.dead, self._struck = fault, False, None
        self.calls.clear()

    @property
    def struck(self) -> bool:
        """Whether the invocation came as far as the fault."""
        return self._struck is not None

    def carry_out(self, fake: Fake, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fake's answer, or what goes wrong instead."""
        if self.dead:
            raise Died
        call = (fake.service, operation)
        index = len(self.calls)
        self.calls.append(call)
        fault = self.fault
        if fault is None:
            return fake.answer(operation, parameters)
        if index == fault.call:
            self._struck = call
        elif self._struck is None or not (
            (fault.kind is Kind.REFUSED_FROM_THEN_ON and call == self._struck)
            or fault.kind is Kind.UNREACHABLE_FROM_THEN_ON
        ):
            return fake.answer(operation, parameters)
        return self._strike(fault, fake, operation, parameters)

    def _strike(
        self, fault: Fault, fake: Fake, operation: str, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        if fault.kind in (Kind.REFUSED, Kind.REFUSED_FROM_THEN_ON):
            if fault.vanishes and not fake.vanish(fault.vanishes, parameters):  # type: ignore[attr-defined]
                return fake.answer(operation, parameters)
            # A fault that was drawn for whatever call comes: CloudFormation knows only what any service may answer.
            drawn = fake.service == "cloudformation" and fault.code not in COMMON_ERRORS
            code = "ThrottlingException" if drawn else fault.code
            raise Refusal(code, f"a fault of the test ({code})")
        if fault.kind in (Kind.UNREACHABLE, Kind.UNREACHABLE_FROM_THEN_ON):
            raise EndpointConnectionError(endpoint_url="https://nowhere.invalid")
        if fault.kind is Kind.DIED_BEFORE:
            self.dead = True
            raise Died
        if fault.kind is Kind.TIME_OUT_BEFORE:
            raise DeadlineExceededError
        with contextlib.suppress(Refusal):
            fake.answer(operation, parameters)
        if fault.kind is Kind.ANSWER_LOST:
            raise ReadTimeoutError(endpoint_url="https://nowhere.invalid")
        if fault.kind is Kind.DIED_AFTER:
            self.dead = True
            raise Died
        if fault.kind is Kind.TIME_OUT_AFTER:
            raise DeadlineExceededError
        assert fault.kind is Kind.ANSWER_LOST_AND_RETRIED
        return fake.answer(operation, parameters)


class Endpoint:
    """A fake's place on the wire: another fake can be put there, and the script's faults strike there."""

    def __init__(self, service: str, script: Script) -> None:
        self.service = service
        self.target: Fake | None = None
        self._script = script

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self.target is not None
        return self._script.carry_out(self.target, operation, parameters)
