"""`cdk deploy -c iot-multiaccount-ca:repair=…`: an Update without a change, by which the Lambda mends what differs."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from iot_multiaccount_ca import RegistrationEngine, SharedCa, errors
from iot_multiaccount_ca.model.options import REPAIR_CONTEXT
from support import plans


def _templates(context: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    shared = SharedCa(App(context=context), "FleetCa", plan=plans.sni_only_plan(**changes))
    return [dict(Template.from_stack(stack).to_json()) for stack in shared.stacks.values()]


def _registration(template: dict[str, Any]) -> dict[str, Any]:
    [found] = plans.resources(template, "Custom::IotCaCertificate")
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_without_it_nothing_is_written() -> None:
    """So that the deployment after a repair is one more Update, and then nothing."""
    assert "Repair" not in _registration(_templates({})[0])


def test_it_is_the_one_thing_that_changes() -> None:
    """In every stage; which of them is mended is what the command deploys."""
    plain, asked = _templates({}), _templates({REPAIR_CONTEXT: "2026-11-26"})
    assert [_registration(each).pop("Repair") for each in asked] == ["2026-11-26"] * 3
    assert asked == plain


def test_a_native_registration_has_none() -> None:
    """CloudFormation has no such property."""
    native = {"engine": RegistrationEngine.NATIVE}
    assert _templates({REPAIR_CONTEXT: "2026-11-26"}, **native) == _templates({}, **native)


@pytest.mark.parametrize("given", [True, 5, "", {"a": "b"}])
def test_what_is_not_a_text_is_refused(given: Any) -> None:
    """With the command as it has to be."""
    with pytest.raises(errors.InvalidTypeError, match="--exclusively -c iot-multiaccount-ca:repair="):
        _templates({REPAIR_CONTEXT: given})
