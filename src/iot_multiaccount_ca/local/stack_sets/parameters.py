"""Parameter values of sets and overrides of instances: given, or kept as they are (UsePreviousValue).

By the data type Parameter and the ParameterOverrides of CreateStackInstances in the CloudFormation API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


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


def check_known(declared: Mapping[str, Any], given: Iterable[dict[str, Any]]) -> None:
    """Refuse a parameter that the template does not have."""
    unknown = [each["ParameterKey"] for each in given if each["ParameterKey"] not in declared]
    if unknown:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")


def check_complete(declared: Mapping[str, Any], given: Iterable[dict[str, Any]]) -> None:
    """Refuse a set that has no value for a parameter without a default: overrides of its instances do not count."""
    known = {each["ParameterKey"] for each in given}
    without = [name for name, each in declared.items() if "Default" not in each and name not in known]
    if without:
        raise invalid(f"Parameters: [{', '.join(without)}] must have values")


def settled(given: Iterable[dict[str, Any]], former: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parameters with those that are to stay as they were; one that had no value has the template's default."""
    before = {each["ParameterKey"]: each for each in former}
    found = [before.get(each["ParameterKey"]) if each.get("UsePreviousValue") else each for each in given]
    return [each for each in found if each is not None]
