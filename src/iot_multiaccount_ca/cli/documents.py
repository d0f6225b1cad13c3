"""The JSON documents of `plan` and `verify`: their shapes, versions and keys. Judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text import in_iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..fleet.difference import Difference
    from ..fleet.live import LiveRegistration, LiveTemplate
    from ..fleet.overview import Ca, Overview
    from ..fleet.planned_sets import PlannedSet
    from ..fleet.result import FleetResult, StageResult
    from ..fleet.set_result import SetResult
    from ..model.assembly import RegistrationRecord
    from .checked import Checked

PLAN, PLAN_VERSION = "iot-ca/plan", 1
VERIFY, VERIFY_VERSION = "iot-ca/verify", 1
# Keys of a record that stand with its CA, not with every registration of it.
_OF_THE_CA = ("version", "subject", "notValidBefore", "notValidAfter")


def plan_document(overview: Overview) -> dict[str, Any]:
    """The plan as JSON has it."""
    return {
        "certificateAuthorities": [_ca(ca) for ca in overview.cas],
        "registrations": [
            {"deployOrder": order, **_registration(record)}
            for order, record in enumerate(overview.records, start=1)
        ],
        "defaultOwners": [
            {
                "region": record.region,
                "certificateId": record.certificate_id,
                "account": record.account,
                "stage": record.stage,
            }
            for record in overview.default_owners
        ],
        "stackSets": [_planned_set(each) for each in overview.sets],
        "foreignPolicies": [
            {
                "stages": list(each.labels),
                "kind": each.kind,
                "resourceArn": each.resource_arn,
                "policy": each.policy,
            }
            for each in overview.foreign_policies
        ],
    }


def verify_document(checked: Checked) -> dict[str, Any]:
    """The check as JSON has it."""
    return {
        "checkedAt": in_iso(checked.stages.checked_at),
        "interrupted": checked.interrupted,
        "exitCode": checked.exit_code,
        "counts": _counts(checked.stages),
        "stages": [_stage(result) for result in checked.stages.results],
        "stackSets": [_set(each) for each in checked.sets],
    }


def _counts(checked: FleetResult) -> dict[str, int]:
    from ..fleet.result import StageState

    states = {
        "asPlanned": StageState.AS_PLANNED,
        "different": StageState.DIFFERENT,
        "unchecked": StageState.UNCHECKED,
    }
    return {word: checked.count(state) for word, state in states.items()}


def _planned_set(planned: PlannedSet) -> dict[str, Any]:
    """A planned set: the fields that the cloud assembly has, and where its own stack stands."""
    fields = {key: value for key, value in planned.record.to_metadata().items() if key != "version"}
    return {
        **fields,
        "account": planned.account or None,
        "region": planned.region or None,
        "stackName": planned.stack_name,
    }


def _set(result: SetResult) -> dict[str, Any]:
    inside = result.accounts
    return {
        "planned": _planned_set(result.planned),
        "state": str(result.state),
        "stacks": result.stacks,
        "current": result.current,
        "differences": [_difference(each) for each in result.differences],
        "notCurrent": [
            {
                "status": group.status,
                "reason": group.reason or None,
                "fix": group.fix,
                "places": _places(group.places),
            }
            for group in result.groups
        ],
        "problems": list(result.problems),
        "notes": list(result.notes),
        "checkedAs": result.checked_as,
        "accounts": None
        if inside is None
        else {
            "counts": _counts(inside),
            "stages": [_stage(each) for each in inside.results if each.state != "as-planned"],
            "warnings": [
                {
                    "warning": warning,
                    "places": _places(
                        (each.planned.record.account, each.planned.record.region) for each in warned
                    ),
                }
                for warning, warned in inside.warned().items()
            ],
        },
    }


def _places(places: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"account": account, "region": region} for account, region in places]


def _difference(each: Difference) -> dict[str, Any]:
    return {"field": each.field, "planned": each.planned, "live": each.live, "fix": each.fix}


def _ca(ca: Ca) -> dict[str, Any]:
    return {
        "certificateId": ca.certificate_id,
        "subject": ca.subject,
        "notValidBefore": ca.not_valid_before,
        "notValidAfter": ca.not_valid_after,
        "daysLeft": ca.days_left,
        "retiring": ca.retiring,
    }


def _registration(record: RegistrationRecord) -> dict[str, Any]:
    """A planned registration: the fields that the cloud assembly has, but for the CA's own."""
    return {key: value for key, value in record.to_metadata().items() if key not in _OF_THE_CA}


def _stage(result: StageResult) -> dict[str, Any]:
    return {
        "planned": _registration(result.planned.record),
        "state": str(result.state),
        "differences": [_difference(each) for each in result.differences],
        "warnings": list(result.warnings),
        "problem": result.problem,
        "endpoint": result.endpoint,
        "checkedAs": result.checked_as,
        "live": None if result.live is None else _live(result.live),
        "template": None if result.template is None else _template(result.template),
    }


def _live(live: LiveRegistration) -> dict[str, Any]:
    return {
        "certificateId": live.certificate_id,
        "certificateArn": live.arn,
        "certificateMode": live.mode,
        "status": live.status,
        "autoRegistrationStatus": live.auto_registration,
        "templateName": live.template_name,
        "notValidAfter": in_iso(live.not_valid_after) if live.not_valid_after else None,
        "tags": dict(live.tags),
    }


def _template(template: LiveTemplate) -> dict[str, Any]:
    return {
        "name": template.name,
        "enabled": template.enabled,
        "type": template.type,
        "roleArn": template.role_arn,
        "roleExists": template.role_exists,
    }
