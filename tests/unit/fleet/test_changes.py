"""What a deployment changes: a table of pairs of plans, and what is told of each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.fleet.changes import Changes, Held, Sign, StackPlace, compare
from support.fleets import certificate_id, record, three_stages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iot_multiaccount_ca.model.assembly import RegistrationRecord

NEW_CA: dict[str, Any] = {"certificate_id": certificate_id(1), "logical_id": "CaNew"}
DEV, STAGING, PROD = three_stages()


def changes(
    old: Sequence[RegistrationRecord],
    new: Sequence[RegistrationRecord],
    *,
    digests: tuple[str | None, str | None] = (None, None),
    stacks: Sequence[StackPlace] = (),
) -> Changes:
    places = {StackPlace(each.stack_name, each.account, each.region) for each in new}
    before, after = digests
    return compare(
        [Held(each, before) for each in old], [Held(each, after) for each in new], {*places, *stacks}
    )


def told(made: Changes) -> list[tuple[str, str | None, str]]:
    """Sign, stage and CA of each."""
    return [(each.sign.value, each.record.stage, each.record.certificate_id) for each in made.changes]


def test_the_same_plan_changes_nothing() -> None:
    """Exit code 0; where the template's body is unknown on a side, nothing is said of it."""
    made = changes(three_stages(), three_stages(), digests=("0" * 64, None))
    assert (made.changes, made.owners, made.exit_code) == ((), (), 0)


# A field of the record as it becomes; the field that is told, from what, to what, and a word of the risk.
@pytest.mark.parametrize(
    ("was", "becomes", "field", "before", "after", "risk"),
    [
        ({}, {"certificate_mode": "DEFAULT"}, "mode", "SNI_ONLY", "DEFAULT", "for a moment the CA is not"),
        (
            {"engine": "NATIVE"},
            {"engine": "NATIVE", "certificate_mode": "DEFAULT"},
            "mode",
            "SNI_ONLY",
            "DEFAULT",
            "CloudFormation refuses it",
        ),
        ({}, {"engine": "NATIVE"}, "engine", "LAMBDA", "NATIVE", "CloudFormation refuses it"),
        (
            {},
            {"engine": "NONE"},
            "engine",
            "LAMBDA",
            "NONE",
            "unless the deployment before was one with RETAIN",
        ),
        ({"engine": "NONE"}, {"engine": "NATIVE"}, "engine", "NONE", "NATIVE", "before `cdk import`"),
        ({"engine": "NONE"}, {}, "engine", "NONE", "LAMBDA", "takes up what carries its own tags"),
        ({}, {"retiring": True}, "status", "ACTIVE, current", "ACTIVE, retiring", "none"),
        (
            {"retiring": True},
            {"retiring": True, "active": False},
            "status",
            "ACTIVE, retiring",
            "INACTIVE, retiring",
            "are refused",
        ),
        ({"active": False}, {}, "status", "INACTIVE, current", "ACTIVE, current", None),
        (
            {},
            {"template_name": "Other"},
            "enrollment",
            "JITP FleetCa-dev-0123abcd",
            "JITP Other",
            "for the first time",
        ),
        (
            {},
            {"template_name": None, "auto_registration": False},
            "enrollment",
            "JITP FleetCa-dev-0123abcd",
            "none",
            "are refused",
        ),
        (
            {},
            {"template_name": None},
            "enrollment",
            "JITP FleetCa-dev-0123abcd",
            "auto-registration",
            "nothing activates",
        ),
        (
            {},
            {"template_name": None, "jitr": True},
            "enrollment",
            "JITP FleetCa-dev-0123abcd",
            "JITR",
            None,
        ),
        (
            {"template_name": None, "jitr": True, "enrollment": {"admission": {"type": "ANY"}}},
            {"template_name": None, "jitr": True, "enrollment": {"admission": {"type": "LIST"}}},
            "admission",
            "as it was",
            "other settings",
            "decides about devices",
        ),
        (
            {"auto_registration": False},
            {},
            "auto-registration",
            "DISABLE",
            "ENABLE",
            None,
        ),
        ({}, {"auto_registration": False}, "auto-registration", "ENABLE", "DISABLE", "are refused"),
        (
            {"engine": "NATIVE"},
            {"engine": "NATIVE", "stack_name": "Fleet"},
            "stack",
            "FleetCa-dev/Ca0123",
            "Fleet/Ca0123",
            "cdk import",
        ),
        ({}, {"logical_id": "Ca9"}, "stack", "FleetCa-dev/Ca0123", "FleetCa-dev/Ca9", "override_logical_id"),
        ({}, {"stack_name": "Fleet"}, "stack", "FleetCa-dev/Ca0123", "Fleet/Ca0123", "adopt_from_stack"),
        (
            {
                "certificate_mode": "DEFAULT",
                "verification": {"type": "SECRET", "secretId": "a", "field": None},
            },
            {"certificate_mode": "DEFAULT", "verification": {"type": "KMS_KEY", "keyArn": "arn"}},
            "proof",
            "SECRET a",
            "KMS_KEY arn",
            "none now",
        ),
    ],
)
def test_each_field_that_changes_is_told(
    was: dict[str, Any], becomes: dict[str, Any], field: str, before: str, after: str, risk: str | None
) -> None:
    """Alone, from what to what, and what it risks."""
    [change] = changes([replace(DEV, **was)], [replace(DEV, **becomes)]).changes
    assert change.sign is Sign.CHANGE
    [found] = change.fields
    assert (found.field, found.before, found.after) == (field, before, after)
    assert (found.risk is None) == (risk is None)
    assert (risk or "") in (found.risk or "")


def test_every_field_of_a_record_is_compared_or_cannot_change_alone() -> None:
    """One that comes new fails here, until somebody says which it is."""
    compared = {
        "stack_name", "logical_id", "engine", "certificate_mode", "retiring", "active", "template_name",
        "auto_registration", "jitr", "enrollment", "verification",
    }  # fmt: skip
    which_registration = {"account", "region", "partition", "certificate_id"}
    of_the_ca = {"subject", "not_valid_before", "not_valid_after"}
    labels = {"stage", "nested_template"}
    assert set(DEV.__dataclass_fields__) == compared | which_registration | of_the_ca | labels


def test_a_template_whose_body_changes_under_its_name_is_told() -> None:
    """By its digest."""
    [change] = changes([DEV], [DEV], digests=("a" * 64, "b" * 64)).changes
    assert [(each.field, each.before, each.after) for each in change.fields] == [
        ("template", "body aaaaaaaa", "body bbbbbbbb")
    ]


def test_what_comes_and_goes_stands_in_the_order_of_deployment() -> None:
    """Stack by stack as they are deployed; in a stack what goes after what comes."""
    old = [DEV, PROD]
    new = [replace(PROD, **NEW_CA), STAGING, replace(DEV, **NEW_CA)]
    assert told(changes(old, new)) == [
        ("+", "prod", certificate_id(1)),
        ("-", "prod", certificate_id()),
        ("+", "staging", certificate_id()),
        ("+", "dev", certificate_id(1)),
        ("-", "dev", certificate_id()),
    ]


def test_a_ca_that_is_swapped_at_once_is_told_of() -> None:
    """The old CA's new devices are refused; there is a way without."""
    _, gone = changes([DEV], [replace(DEV, **NEW_CA)]).changes
    assert "refused" in (gone.risk or "")
    assert "`retiring`" in (gone.risk or "")


def test_a_rotation_step_by_step() -> None:
    """Overlap: new CA, old one retiring. Then the old one INACTIVE. Then gone, which refuses nobody any more."""
    new = replace(DEV, **NEW_CA)
    overlap = [new, replace(DEV, retiring=True)]
    closing = [new, replace(DEV, retiring=True, active=False)]
    made = changes([DEV], overlap)
    assert told(made) == [("+", "dev", certificate_id(1)), ("~", "dev", certificate_id())]
    [status] = made.changes[1].fields
    assert (status.before, status.after) == ("ACTIVE, current", "ACTIVE, retiring")
    made = changes(overlap, closing)
    assert told(made) == [("~", "dev", certificate_id())]
    made = changes(closing, [new])
    assert told(made) == [("-", "dev", certificate_id())]
    assert (made.changes[0].risk or "").startswith("none new")


def test_a_stack_that_the_app_no_longer_has_is_not_removed_by_a_deployment() -> None:
    """That is said, and stands last; a stack that stays removes what it no longer holds."""
    made = changes([DEV, PROD], [PROD])
    assert told(made) == [("-", "dev", certificate_id())]
    assert "until stack FleetCa-dev is destroyed" in (made.changes[0].risk or "")
    made = changes([DEV, PROD], [PROD], stacks=[StackPlace("FleetCa-dev", DEV.account, DEV.region)])
    assert told(made) == [("-", "dev", certificate_id())]
    assert "until" not in (made.changes[0].risk or "")


@pytest.mark.parametrize(
    ("retained", "active", "risk"),
    [
        (True, True, "goes on letting new devices in"),
        (True, False, "none: it stays registered"),
        (False, True, "are refused from then on"),
        (None, True, "Under RETAIN it stays registered instead"),
        (None, False, "none new"),
    ],
)
def test_what_its_stack_retains_is_not_said_to_go(retained: bool | None, active: bool, risk: str) -> None:
    """Who believes that a CA refuses new devices from now on may be wrong in that."""
    old = [Held(replace(DEV, active=active), retained=retained)]
    made = compare(old, [Held(replace(DEV, **NEW_CA))], {StackPlace("FleetCa-dev", DEV.account, DEV.region)})
    gone = made.changes[-1]
    assert gone.sign is Sign.REMOVE
    assert risk in (gone.risk or "")
    assert ("refused from then on" in (gone.risk or "")) is (not retained and active)


def test_what_a_stack_retains_that_the_app_no_longer_has_stays_after_its_end() -> None:
    """Nobody's devices are refused by that."""
    [gone] = compare([Held(DEV, retained=True)], [], set()).changes
    assert "also when stack FleetCa-dev is destroyed" in (gone.risk or "")


@pytest.mark.parametrize(("engine", "way"), [("LAMBDA", "OnExisting.ADOPT"), ("NATIVE", "cdk import")])
def test_a_registration_that_no_stack_has_is_told(engine: str, way: str) -> None:
    """The deployment fails over it, though nothing else differs; there is a way for each engine."""
    planned = replace(DEV, engine=engine)
    [change] = compare([Held(planned, owned=False)], [Held(planned)], set()).changes
    [field] = change.fields
    assert (field.field, field.before, field.after) == ("stack", None, "FleetCa-dev/Ca0123")
    assert way in (field.risk or "")


OWNED = [DEV, PROD]
SWAPPED = [replace(PROD, certificate_mode="SNI_ONLY"), replace(DEV, certificate_mode="DEFAULT")]
NOBODY = [DEV, replace(PROD, certificate_mode="SNI_ONLY")]


@pytest.mark.parametrize(
    ("old", "new", "before", "after", "risk"),
    [
        (OWNED, SWAPPED, PROD.account, DEV.account, "between the two"),
        (OWNED, NOBODY, PROD.account, None, "FIPS endpoints"),
        (NOBODY, OWNED, None, PROD.account, f"routed to account {PROD.account}"),
        (OWNED, [DEV], PROD.account, None, "until stack FleetCa-prod is destroyed; after that"),
        (
            OWNED,
            [replace(DEV, certificate_mode="DEFAULT")],
            PROD.account,
            DEV.account,
            "fails, as account 333333333333 stays the owner until stack FleetCa-prod is destroyed",
        ),
    ],
)
def test_owners_that_move_are_told_by_region(
    old: list[RegistrationRecord],
    new: list[RegistrationRecord],
    before: str | None,
    after: str | None,
    risk: str,
) -> None:
    """From whom to whom, and who is left outside meanwhile."""
    [move] = changes(old, new).owners
    assert (move.region, move.before, move.after) == ("eu-west-1", before, after)
    assert risk in move.risk


def test_the_owner_of_a_ca_that_comes_or_goes_as_a_whole_does_not_move() -> None:
    """Its registrations say it already."""
    assert changes([PROD], [replace(PROD, **NEW_CA)]).owners == ()


def test_one_ca_in_two_regions_is_two_registrations() -> None:
    """Another region is another key; what is in the first does not change."""
    elsewhere = record("dev-us", region="us-east-1")
    made = changes([DEV], [DEV, elsewhere])
    assert told(made) == [("+", "dev-us", certificate_id())]
    assert made.changes[0].risk is None
    assert (made.count(Sign.ADD), made.count(Sign.CHANGE), made.exit_code) == (1, 0, 1)
