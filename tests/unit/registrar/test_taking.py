"""Rules of what is registered already: adopted and given back whole, taken up for good, or not touched at all."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from ca_registrar import ownership
from iot_multiaccount_ca.model.options import OnExisting
from support.fakes.faults import Fault, Kind
from support.fakes.wire import Refusal
from support.scenes import ACCOUNT, default, properties

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fakes.cloudformation import Resource
    from support.scenes import Theatre

ROLE = f"arn:aws:iam::{ACCOUNT}:role/theirs"
ADOPT: dict[str, Any] = {"on_existing": OnExisting.ADOPT}
FOUND: dict[str, Any] = {
    "status": "INACTIVE",
    "auto": "ENABLE",
    "config": {"templateName": "theirs"},
    "tags": {"theirs": "x", "team": "a"},
}
WANTED: dict[str, Any] = {
    **ADOPT,
    "adopt_template_role_arn": ROLE,
    "tags": {"team": "a", "more": "1"},
}


@pytest.fixture(autouse=True)
def fresh(theatre: Theatre) -> None:
    """Every test begins on another AWS."""
    theatre.reset()


def _by_hand(theatre: Theatre) -> Any:
    theatre.register("Scene CA", **FOUND)
    return theatre.aws.snapshot()


def _of_a_stack(theatre: Theatre) -> Any:
    owner = theatre.another("Older", logical_id="A" * 255)
    assert owner.create(properties(template_name="theirs", tags={"team": "a", "theirs": "x"}))
    return theatre.aws.snapshot()


def _went(theatre: Theatre, resource: Resource) -> None:
    assert resource.create(properties(**WANTED, adopt_from_stack="Older"))
    assert resource.delete()


def _rolled_back(theatre: Theatre, resource: Resource) -> None:
    resource.create_in_vain(properties(**WANTED, adopt_from_stack="Older"))
    assert resource.status == "ROLLBACK_COMPLETE"


def _changed_and_went(theatre: Theatre, resource: Resource) -> None:
    assert resource.create(properties(**WANTED, adopt_from_stack="Older"))
    changed = {**WANTED, "tags": {"team": "a", "other": "2"}, "template_name": None, "active": False}
    assert resource.update(properties(**changed, adopt_from_stack="Older"))
    assert resource.delete()


@pytest.mark.parametrize("found", [_by_hand, _of_a_stack])
@pytest.mark.parametrize("ends", [_went, _rolled_back, _changed_and_went])
def test_what_was_adopted_is_given_back_whole(
    theatre: Theatre,
    found: Callable[[Theatre], Any],
    ends: Callable[[Theatre, Resource], None],
) -> None:
    """Status, auto-registration, template, tags and owner, whatever the resource made of them, and however it ends."""
    before = found(theatre)
    ends(theatre, theatre.resource)
    assert theatre.aws.snapshot() == before


def test_an_update_that_adopted_gives_back_when_it_is_rolled_back(theatre: Theatre) -> None:
    """Somebody took it from us, the Update takes it back, something else fails: it is somebody's again."""
    assert theatre.resource.create(properties())
    theatre.live().update(copy.deepcopy(FOUND))
    before = theatre.aws.snapshot()
    theatre.resource.update_in_vain(properties(**WANTED))
    assert theatre.aws.snapshot() == before
    assert theatre.resource.status == "UPDATE_ROLLBACK_COMPLETE"
    assert theatre.resource.update(properties(**WANTED))
    assert theatre.resource.update(properties(**{**WANTED, "active": False}))
    theatre.resource.update_in_vain(properties(**WANTED))
    assert theatre.live()["status"] == "INACTIVE"
    assert theatre.resource.delete()
    assert theatre.aws.snapshot() == before


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        ({}, {"tags": {"team": "b"}}, "somebody else gave it the tag 'team' with the value 'a'"),
        ({"tags": {f"t{n}": "x" for n in range(45)}}, {"tags": {"a": "1", "b": "2", "c": "3"}}, "52 tags"),
        ({"config": {"templateBody": "{}", "roleArn": ROLE}}, {}, "create-provisioning-template"),
        ({}, {"adopt_template_role_arn": None}, "name the role with adopt_template_role_arn"),
        ({"mode": "DEFAULT"}, {}, "certificate_mode=DEFAULT"),
    ],
    ids=["a tag's value", "fifty tags", "a template body", "no role for its template", "its mode"],
)
def test_what_could_not_be_given_back_is_refused_before_anything_is_touched(
    theatre: Theatre, found: dict[str, Any], wanted: dict[str, Any], said: str
) -> None:
    """The sentence says what to do."""
    theatre.register("Scene CA", **{**FOUND, **found})
    before = theatre.aws.snapshot()
    theatre.resource.create(properties(**{**WANTED, **wanted}))
    assert said in theatre.resource.answers[0].reason
    assert theatre.iot.writes == ["RegisterCACertificate"]
    assert theatre.aws.snapshot() == before


def test_a_role_that_may_not_be_passed_refuses_the_adoption(theatre: Theatre) -> None:
    """It is tried before the first change, with the template that is in use."""
    before = _by_hand(theatre)
    theatre.iot.fail_always("UpdateCACertificate", Refusal("AccessDeniedException", "iam:PassRole", 403))
    theatre.resource.create(properties(**WANTED))
    assert ROLE in theatre.resource.answers[0].reason
    assert "TagResource" not in theatre.iot.calls
    assert theatre.aws.snapshot() == before


def test_a_template_that_is_taken_off_later_has_to_be_returnable_too(theatre: Theatre) -> None:
    """Adopted with the template it had; an Update to another one names no role, and is refused."""
    _by_hand(theatre)
    assert theatre.resource.create(properties(**ADOPT, template_name="theirs"))
    assert not theatre.resource.update(properties(**ADOPT, template_name="other"))
    assert "adopt_template_role_arn" in theatre.resource.answers[-2].reason
    assert theatre.live()["config"] == {"templateName": "theirs"}


def test_the_role_of_a_found_template_stays_named_while_it_is_adopted(theatre: Theatre) -> None:
    """Without it the template could not be given back, and the stack not go: the Update is refused, and rolled back."""
    before = _by_hand(theatre)
    assert theatre.resource.create(properties(**WANTED))
    assert not theatre.resource.update(properties(**{**WANTED, "adopt_template_role_arn": None}))
    assert "adopt_template_role_arn" in theatre.resource.answers[-2].reason
    assert theatre.resource.status == "UPDATE_ROLLBACK_COMPLETE"
    # The found template is in use again: from here on no role has to be passed to give it back.
    assert theatre.resource.update(properties(**WANTED | {"template_name": "theirs"}))
    assert theatre.resource.update(
        properties(**WANTED | {"template_name": "theirs", "adopt_template_role_arn": None})
    )
    assert theatre.resource.delete()
    assert theatre.aws.snapshot() == before


def test_what_is_adopted_is_not_adopted_again(theatre: Theatre) -> None:
    """Refused before anything is touched; the advice can be followed, and the first owner has it back in the end."""
    before = _of_a_stack(theatre)
    between = theatre.another("Between")
    assert between.create(properties(**WANTED, adopt_from_stack="Older"))
    adopted = theatre.aws.snapshot()
    asked = properties(**WANTED, adopt_from_stack="Between")
    theatre.resource.create(asked)
    assert "destroy that stack" in theatre.resource.answers[0].reason
    assert theatre.aws.snapshot() == adopted
    assert between.delete()
    assert theatre.aws.snapshot() == before
    assert theatre.resource.create(properties(**WANTED, adopt_from_stack="Older"))
    assert theatre.resource.delete()
    assert theatre.aws.snapshot() == before


def test_an_adoption_whose_owner_tags_were_taken_off_can_be_put_right(theatre: Theatre) -> None:
    """By the adopter's tags, put back by hand; or the note goes, and it is nobody's to be adopted anew."""
    before = _by_hand(theatre)
    assert theatre.resource.create(properties(**WANTED))
    tags = theatre.live()["tags"]
    held = {key: tags.pop(key) for key in (ownership.STACK_ID, ownership.LOGICAL_ID)}
    theatre.another("Other").create(properties(**WANTED))
    assert not theatre.resource.update(properties(**WANTED, active=False))
    for reason in (each.reason for each in theatre.resource.answers if each.reason):
        assert ownership.STACK_ID in reason
    tags.update(held)
    assert theatre.resource.update(properties(**WANTED, active=False))
    assert theatre.resource.delete()
    assert theatre.aws.snapshot() == before


def test_a_roll_back_to_a_ca_that_somebody_took_meanwhile_leaves_it_alone(theatre: Theatre) -> None:
    """Another CA in its place was rolled back, and the former one is somebody's by now: the stack is not stuck."""
    assert theatre.resource.create(properties())
    theatre.resource.update_in_vain(properties("Next CA"), Fault(0, Kind.DIED_BEFORE))
    assert theatre.resource.status == "UPDATE_ROLLBACK_FAILED"
    assert theatre.resource.stuck is not None
    del theatre.iot.cas[theatre.id_of()]
    theatre.register("Scene CA", **FOUND)
    before = copy.deepcopy(theatre.live())
    assert theatre.resource.stuck()
    assert theatre.live() == before
    assert theatre.id_of("Next CA") not in theatre.iot.cas
    assert theatre.resource.delete()
    assert theatre.live() == before


def test_an_owner_with_the_longest_ids_can_still_update_and_go(theatre: Theatre) -> None:
    """Adopted from it and given back: it is its own again, with a logical id of 255 characters."""
    owner = theatre.another("Older", logical_id="A" * 255)
    assert owner.create(properties(template_name="theirs"))
    assert theatre.resource.create(properties(**ADOPT, adopt_from_stack="Older", template_name="theirs"))
    assert theatre.resource.delete()
    assert owner.update(properties(template_name="theirs", active=False))
    assert owner.delete()
    assert theatre.id_of() not in theatre.iot.cas


def test_a_found_template_that_is_gone_does_not_hold_up_the_giving_back(theatre: Theatre) -> None:
    """Everything else is given back, and the stack can go."""
    _by_hand(theatre)
    assert theatre.resource.create(properties(**WANTED))
    theatre.iot.missing_templates.add("theirs")
    assert theatre.resource.delete()
    assert theatre.live() == {**theatre.live(), **FOUND, "config": None}


def test_tags_that_others_added_since_stay(theatre: Theatre) -> None:
    """Only what we added goes."""
    _by_hand(theatre)
    assert theatre.resource.create(properties(**WANTED))
    theatre.live()["tags"]["later"] = "1"
    assert theatre.resource.delete()
    assert theatre.live()["tags"] == {**FOUND["tags"], "later": "1"}


# --- stacks that are gone -----------------------------------------------------------------------------------------


def _retained(theatre: Theatre, **settings: Any) -> Resource:
    """A stack that went, and left its registration."""
    gone = theatre.another("FleetCa-dev")
    assert gone.create(properties(**{"template_name": "retained", "tags": {"team": "a"}, **settings}))
    gone.die_retained()
    theatre.resource.generation = 1
    return gone


def test_a_stack_that_is_deployed_again_takes_up_what_it_left(theatre: Theatre) -> None:
    """Same stack name and logical id, without ADOPT; and then it is its own: its mode changes, and it goes with it."""
    _retained(theatre)
    assert theatre.resource.create(properties(tags={"team": "b"}))
    assert theatre.live()["config"] == {"templateName": "fleet"}
    assert theatre.resource.update(properties(allow_mode_change=True, **default("PRE_ISSUED")))
    assert theatre.live()["mode"] == "DEFAULT"
    assert theatre.resource.delete()
    assert theatre.id_of() not in theatre.iot.cas


def test_a_stack_of_another_name_takes_up_by_adopt_for_good(theatre: Theatre) -> None:
    """A renamed prefix: the error says how, and following it works; the registration goes with the new stack."""
    _retained(theatre)
    renamed = theatre.another("Renamed-dev")
    renamed.create(properties())
    assert 'on_existing=OnExisting.ADOPT and adopt_from_stack="FleetCa-dev"' in renamed.answers[0].reason
    assert renamed.create(properties(**ADOPT, adopt_from_stack="FleetCa-dev"))
    assert renamed.update(properties(allow_mode_change=True, **default("PRE_ISSUED")))
    assert renamed.delete()
    assert theatre.id_of() not in theatre.iot.cas


@pytest.mark.parametrize("adopts", [True, False])
def test_another_logical_id_takes_up_by_adopt_or_by_the_old_name(theatre: Theatre, adopts: bool) -> None:
    """The stack is gone, and its successor calls the resource otherwise: both ways that the error names work."""
    _retained(theatre)
    renamed = theatre.another("FleetCa-dev", "Renamed")
    renamed.generation = 1
    renamed.create(properties())
    for part in ("is gone", "OnExisting.ADOPT", 'override_logical_id("Ca")'):
        assert part in renamed.answers[0].reason
    if not adopts:
        renamed.logical_id = "Ca"
    assert renamed.create(properties(**(ADOPT if adopts else {})))
    assert renamed.delete()
    assert theatre.id_of() not in theatre.iot.cas


@pytest.mark.parametrize(
    "status",
    ["DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_COMPLETE", "DELETE_IN_PROGRESS"],
)
def test_a_stack_that_is_not_gone_keeps_what_is_its_own(theatre: Theatre, status: str) -> None:
    """Gone is DELETE_COMPLETE, or unknown: all else is alive, and what is adopted from it is given back."""
    gone = _retained(theatre)
    theatre.stacks.statuses[gone.stack_id] = status
    before = theatre.aws.snapshot()
    theatre.resource.create(properties())
    assert status in theatre.resource.answers[0].reason
    assert theatre.aws.snapshot() == before
    assert theatre.resource.create(
        properties(**ADOPT, adopt_from_stack="FleetCa-dev", adopt_template_role_arn=ROLE)
    )
    assert theatre.resource.delete()
    assert theatre.aws.snapshot() == before


def test_a_denied_question_counts_as_alive(theatre: Theatre) -> None:
    """Refused, with CloudFormation's own words."""
    _retained(theatre)
    before = theatre.aws.snapshot()
    theatre.resource.create(properties(), Fault(3, Kind.REFUSED_FROM_THEN_ON, "AccessDenied"))
    answer = theatre.resource.answers[0]
    assert answer.calls[3] == ("cloudformation", "DescribeStacks")
    assert "AccessDenied" in answer.reason
    assert theatre.aws.snapshot() == before


def test_a_stack_that_is_long_gone_is_not_known_and_gone(theatre: Theatre) -> None:
    """CloudFormation forgets a deleted stack after 90 days."""
    gone = _retained(theatre)
    del theatre.stacks.statuses[gone.stack_id]
    assert theatre.resource.create(properties())


def test_only_stacks_of_the_two_names_are_asked_about(theatre: Theatre) -> None:
    """The role may ask about its own stack's name, and about the one that adopt_from_stack names."""
    _retained(theatre)
    stranger = theatre.another("Stranger")
    stranger.create(properties(**ADOPT))
    assert ("cloudformation", "DescribeStacks") not in stranger.answers[0].calls
    assert "adopt_from_stack" in stranger.answers[0].reason


def test_a_take_up_that_is_rolled_back_leaves_all_as_it_was(theatre: Theatre) -> None:
    """The registration that RETAIN kept is kept by the roll-back too, and the next deployment takes it up."""
    _retained(theatre)
    before = theatre.aws.snapshot()
    theatre.resource.create_in_vain(properties(active=False))
    assert theatre.resource.status == "ROLLBACK_COMPLETE"
    assert theatre.aws.snapshot() == before
    assert theatre.resource.create(properties())
    assert theatre.resource.delete()
    assert theatre.id_of() not in theatre.iot.cas


def test_a_nested_stack_that_its_parent_deletes_lets_go_of_what_it_had(theatre: Theatre) -> None:
    """A parent's roll-back leaves no ROLLBACK in its status: what it took up goes, what it adopted is given back."""
    _retained(theatre)
    assert theatre.resource.create(properties())
    theatre.resource.delete()
    assert "DELETE" in str(theatre.resource.status)
    assert theatre.id_of() not in theatre.iot.cas
    before = _by_hand(theatre)
    assert theatre.resource.create(properties(**WANTED))
    theatre.resource.delete()
    assert theatre.aws.snapshot() == before


def test_what_a_gone_stack_had_adopted_is_taken_up_by_who_can_give_it_back(theatre: Theatre) -> None:
    """The found template's role has to be named by the successor, too, or its stack could not go."""
    before = _by_hand(theatre)
    gone = theatre.another("FleetCa-dev")
    assert gone.create(properties(**WANTED))
    gone.die_retained()
    theatre.resource.generation = 1
    adopted = theatre.aws.snapshot()
    theatre.resource.create(properties(**{**WANTED, "adopt_template_role_arn": None}))
    assert "adopt_template_role_arn" in theatre.resource.answers[0].reason
    assert theatre.aws.snapshot() == adopted
    assert theatre.resource.create(properties(**WANTED))
    assert theatre.resource.delete()
    assert theatre.aws.snapshot() == before


def test_a_late_second_create_of_a_stack_that_is_gone_is_taken_up(theatre: Theatre) -> None:
    """What it registered is nobody's, and the next deployment's."""
    asked = properties()
    assert theatre.resource.create(asked)
    assert theatre.resource.delete()
    theatre.resource.deliver_late(asked)
    assert theatre.id_of() in theatre.iot.cas
    assert theatre.resource.create(asked)
    assert theatre.resource.delete()
    assert theatre.id_of() not in theatre.iot.cas


def test_what_a_stack_that_is_gone_had_adopted_is_given_back_by_its_successor(theatre: Theatre) -> None:
    """It was never that stack's own, and does not become its successor's."""
    before = _by_hand(theatre)
    gone = theatre.another("FleetCa-dev")
    assert gone.create(properties(**WANTED))
    gone.die_retained()
    left = theatre.aws.snapshot()
    theatre.resource.generation = 1
    theatre.resource.create_in_vain(properties(**{**WANTED, "tags": {"other": "2"}}))
    assert theatre.aws.snapshot() == left
    assert theatre.resource.create(properties(**{**WANTED, "tags": {"other": "2"}}))
    assert theatre.resource.delete()
    assert theatre.aws.snapshot() == before


def test_what_was_adopted_from_us_by_a_stack_that_is_gone_is_ours_again(theatre: Theatre) -> None:
    """It was never given back: the advice of our next Update leads to it, and we can go."""
    assert theatre.resource.create(properties())
    other = theatre.another("Other")
    assert other.create(properties(**ADOPT, adopt_from_stack="FleetCa-dev"))
    other.die_retained()
    assert not theatre.resource.update(properties(active=False))
    assert 'adopt_from_stack="Other"' in theatre.resource.answers[-2].reason
    assert theatre.resource.update(properties(active=False, **ADOPT, adopt_from_stack="Other"))
    assert theatre.resource.delete()
    assert theatre.id_of() not in theatre.iot.cas


def test_what_is_left_in_another_mode_is_taken_up_in_it_first(theatre: Theatre) -> None:
    """A roll-back could not make the old mode again; the advice can be followed."""
    _retained(theatre)
    before = theatre.aws.snapshot()
    wanted = {"allow_mode_change": True, **default("PRE_ISSUED")}
    theatre.resource.create(properties(**wanted))
    assert "certificate_mode=SNI_ONLY" in theatre.resource.answers[0].reason
    assert theatre.aws.snapshot() == before
    assert theatre.resource.create(properties())
    assert theatre.resource.update(properties(**wanted))
    assert theatre.live()["mode"] == "DEFAULT"
