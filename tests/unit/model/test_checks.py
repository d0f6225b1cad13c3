"""Checks of single arguments."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

import iot_multiaccount_ca
from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.checks import check_flag
from iot_multiaccount_ca.model.registration import RegistrationRequest
from support import plans


@pytest.mark.parametrize("value", ["false", "true", "", 0, 1, None, []])
def test_a_flag_is_a_bool_or_an_error_with_the_fix(value: Any) -> None:
    """The text "false", as `cdk -c name=false` gives it, would count as true."""
    with pytest.raises(errors.InvalidFlagError) as raised:
        check_flag(value, "allow_mode_change of the plan")
    assert "allow_mode_change of the plan" in str(raised.value)
    assert raised.value.allowed == "True, False"
    assert 'in (True, "true")' in str(raised.value.fix)


def test_a_bool_is_given_back() -> None:
    """So that a value can be checked where it is used."""
    assert check_flag(True, "x") is True
    assert check_flag(False, "x") is False


def test_every_flag_of_a_public_value_is_checked() -> None:
    """Of whatever class; a new one is found by its annotation."""
    values = [getattr(iot_multiaccount_ca, name) for name in iot_multiaccount_ca.__all__]
    flags = {
        f"{value.__name__}.{each.name}": each
        for value in values
        if isinstance(value, type) and attrs.has(value)
        for each in attrs.fields(value)
        if "bool" in str(each.type)
    }
    assert {"SharedCaPlan.active", "RetiringCa.active", "Admission.everyone"} <= set(flags)
    assert [name for name, each in flags.items() if each.validator is None and each.converter is None] == []


@pytest.mark.parametrize(
    "flag", [each.name for each in attrs.fields(RegistrationRequest) if "bool" in str(each.type)]
)
def test_every_flag_of_a_request_is_checked(flag: str) -> None:
    """A construct's own arguments come here unchecked."""
    given: dict[str, Any] = {flag: "false"}
    with pytest.raises(errors.InvalidFlagError, match=flag):
        RegistrationRequest(ca_certificate=plans.ca(), **given)
