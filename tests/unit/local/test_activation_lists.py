"""Putting a device on the allow-list of a deployed stage, by the name that the list then has."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from iot_multiaccount_ca.errors import RehearsalError
from iot_multiaccount_ca.local.activation import make_list, put_on_list
from support.fleets import record

DEVICE: Any = SimpleNamespace(certificate_id="ab" * 32)


class Aws:
    """So much of an account as putting a parameter takes; ``parameters``: what is stored."""

    def __init__(self, held: str) -> None:
        self.parameters = {held: {"Value": "none", "Type": "StringList"}}

    def client(self, service: str, *, account: str, region: str) -> Any:
        return self

    def describe_stack_resource(self, *, StackName: str, LogicalResourceId: str) -> dict[str, Any]:
        name = f"CFN-{StackName}-{LogicalResourceId}"
        return {"StackResourceDetail": {"PhysicalResourceId": name}}

    def get_parameter(self, *, Name: str) -> dict[str, Any]:
        return {"Parameter": self.parameters[Name]}

    def put_parameter(self, *, Name: str, Type: str, Value: str, Overwrite: bool = False) -> None:
        self.parameters[Name] = {"Value": Value, "Type": Type}

    @property
    def exceptions(self) -> Any:
        return SimpleNamespace(ParameterNotFound=KeyError)


def _record(name: Any) -> Any:
    listed = {"type": "PARAMETER", "name": name, "by": "FINGERPRINT"}
    return record(enrollment={"admission": {"everyone": False, "list": listed}})


def test_a_list_that_the_stack_makes_is_found_by_its_deployed_name() -> None:
    """The assembly knows its logical id alone."""
    planned = _record({"Ref": "Admitted"})
    aws: Any = Aws(f"CFN-{planned.stack_name}-Admitted")
    assert put_on_list(aws, planned, DEVICE)
    (stored,) = aws.parameters.values()
    assert stored["Value"] == f"none,{DEVICE.certificate_id}"


def test_a_list_that_the_app_does_not_make_is_made_once() -> None:
    """Without an entry, so that a board which comes is told that it is not on it; one that is there is left alone."""
    aws: Any = Aws("other")
    for _ in range(2):
        make_list(aws, _record("/fleet/admitted"))
        aws.parameters["/fleet/admitted"]["Value"] += "+"
    assert aws.parameters["/fleet/admitted"] == {"Value": "none++", "Type": "StringList"}
    make_list(aws, _record({"Fn::ImportValue": "Lists:Admitted"}))
    assert set(aws.parameters) == {"other", "/fleet/admitted"}


def test_a_list_of_another_stack_without_a_literal_name_is_told() -> None:
    """With what to do, and no crash in the middle of a rehearsal."""
    aws: Any = Aws("other")
    with pytest.raises(RehearsalError, match="give the list a literal name"):
        put_on_list(aws, _record({"Fn::ImportValue": "Lists:Admitted"}), DEVICE)
