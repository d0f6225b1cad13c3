"""Rules of `SharedCaStackSet`: what is synthesized, and how it stands beside other registrations of one app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, Stack, Tags
from aws_cdk.assertions import Annotations, Match, Template

from iot_multiaccount_ca import SharedCa, SharedCaStackSet, StackSetOperation, errors
from support import plans

if TYPE_CHECKING:
    from collections.abc import Callable

UNIT = "ou-ab12-11111111"
WARNING = Match.string_like_regexp("if it is in one of the set's organizational units.*excluded_accounts")


def _stack(app: App | None = None) -> Stack:
    return Stack(app or App(), "Organization", env=Environment(account="999999999999", region="us-east-1"))


def _set(stack: Stack, name: str = "FleetCa", **settings: Any) -> SharedCaStackSet:
    defaults = {"ca_certificate": plans.ca(), "provisioning": plans.jitp(), "regions": [plans.REGION]}
    if "accounts" not in settings:
        defaults["organizational_units"] = [UNIT]
    return SharedCaStackSet(stack, name, **{**defaults, **settings})


def test_a_set_is_one_resource_without_an_asset() -> None:
    """No Lambda, no function, nothing to bootstrap beyond the stack's own account."""
    stack = _stack()
    made = _set(stack, operation=StackSetOperation(max_concurrent_percentage=25))
    [(_, resource)] = Template.from_stack(stack).to_json()["Resources"].items()
    assert resource["Type"] == "AWS::CloudFormation::StackSet"
    properties = resource["Properties"]
    assert properties["TemplateBody"] == made.template_body
    assert properties["OperationPreferences"]["MaxConcurrentPercentage"] == 25
    assert properties["StackInstancesGroup"][0]["DeploymentTargets"]["OrganizationalUnitIds"] == [UNIT]
    assert (properties["StackSetName"], properties["PermissionModel"]) == ("FleetCa", "SERVICE_MANAGED")


def test_the_name_of_the_template_fits_and_is_in_the_body() -> None:
    """At most 36 characters, whatever the set is called."""
    made = _set(_stack(), "A" * 128)
    assert made.template_name is not None
    assert len(made.template_name) <= 36
    assert f'"TemplateName":"{made.template_name}"' in made.template_body


def test_tags_of_the_app_become_tags_of_the_stacks() -> None:
    """As with every other construct."""
    app = App()
    stack = _stack(app)
    _set(stack)
    Tags.of(app).add("team", "devices")
    Template.from_stack(stack).has_resource_properties(
        "AWS::CloudFormation::StackSet", {"Tags": [{"Key": "team", "Value": "devices"}]}
    )


@pytest.mark.parametrize("set_first", [True, False])
def test_a_listed_account_that_registers_the_ca_already_is_refused(set_first: bool) -> None:
    """In whichever order they are written."""
    app = App()
    stack = _stack(app)
    made: list[Callable[[], object]] = [
        lambda: _set(stack, accounts=[plans.DEV]),
        lambda: SharedCa(app, "Other", plan=plans.sni_only_plan()),
    ]
    first, second = made if set_first else reversed(made)
    first()
    with pytest.raises(errors.DuplicateRegistrationError, match=r"111111111111, eu-west-1.*the set"):
        second()


@pytest.mark.parametrize("set_first", [True, False])
def test_the_owner_beside_a_set_of_units_is_warned_of_until_it_is_excluded(set_first: bool) -> None:
    """Whether an account is in a unit is not known at synth."""
    app = App()
    stack = _stack(app)
    made: list[Callable[[], object]] = [
        lambda: _set(stack),
        lambda: SharedCa(app, "Owner", plan=plans.plan(stages=plans.stages()[2:])),
    ]
    for make in made if set_first else reversed(made):
        make()
    Annotations.from_stack(stack).has_warning("*", WARNING)


def test_an_excluded_owner_is_no_warning() -> None:
    """The way to have a DEFAULT owner and a set in one app."""
    app = App()
    stack = _stack(app)
    _set(stack, excluded_accounts=[plans.PROD])
    SharedCa(app, "Owner", plan=plans.plan(stages=plans.stages()[2:]))
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_two_sets_of_one_ca_must_not_share_a_listed_account() -> None:
    """CloudFormation would let one of them fail there."""
    stack = _stack()
    _set(stack, "First", accounts=[plans.DEV])
    with pytest.raises(errors.DuplicateRegistrationError, match="two sets"):
        _set(stack, "Second", accounts=[plans.DEV, plans.PROD])


def test_two_sets_of_units_are_a_warning() -> None:
    """They may contain one another."""
    stack = _stack()
    _set(stack, "First")
    _set(stack, "Second", organizational_units=["ou-ab12-22222222"])
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp("First registers this CA"))


def test_sets_of_two_cas_or_two_regions_do_not_meet() -> None:
    """Nothing to say."""
    stack = _stack()
    _set(stack, "First", accounts=[plans.DEV])
    _set(stack, "OtherCa", accounts=[plans.DEV], ca_certificate=plans.ca("Other CA"))
    _set(stack, "OtherRegion", accounts=[plans.DEV], regions=["us-west-2"])
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_what_retain_costs_is_told() -> None:
    """A native registration adopts nothing."""
    stack = _stack()
    _set(stack, on_leaving="RETAIN")
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp("fails when it returns"))
