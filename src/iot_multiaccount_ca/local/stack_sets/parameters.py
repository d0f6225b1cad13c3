"""Parameter values of sets and overrides of instances: given, or kept as they are (UsePreviousValue).

By the data type Parameter and the ParameterOverrides of CreateStackInstances in the CloudFormation API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable


def check(given: Iterable[dict[str, Any]]) -> None:
    """Refuse a value beside the wish to keep the former one, and a parameter without a name."""
    for each in given:
        if not each.get("ParameterKey"):
            raise invalid("Each parameter needs a ParameterKey")
        if each.get("UsePreviousValue") and "ParameterValue" in each:
            raise invalid(
                f"Invalid input for parameter key {each['ParameterKey']}. Cannot specify usePreviousValue as true "
                "for a parameter key with a value"
            )


def settled(given: Iterable[dict[str, Any]], former: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parameters with those that are to stay as they were; one that had no value has the template's default."""
    before = {each["ParameterKey"]: each for each in former}
    found = [before.get(each["ParameterKey"]) if each.get("UsePreviousValue") else each for each in given]
    return [each for each in found if each is not None]
