"""Checks of single arguments."""

from __future__ import annotations

from typing import Any

import pytest

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.checks import check_flag


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
