"""Rules of `SharedCaStackSet`: what is synthesized, and how it stands beside other registrations of one app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, NestedStack, Stack, Stage, Tags
from aws_cdk.assertions import Annotations, Match, Template

from iot_multiaccount_ca import SharedCa, SharedCaStackSet, StackSetOperation, errors
from iot_multiaccount_ca.fleet.planned_sets import read_planned_sets
from support import plans
from support.counted_texts import Comparisons

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
    assert stack.resolve(made.stack_set_id)["Fn::GetAtt"][1] == "StackSetId"
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


def test_tags_that_no_ca_can_have_end_the_synth() -> None:
    """CloudFormation puts them on the CA in every account, where each would fail."""
    app = App()
    made = _set(_stack(app))
    Tags.of(app).add("team", "ünï, &c")
    with pytest.raises(RuntimeError, match=r"the CA's tag 'team' holds characters .*'&'"):
        app.synth()
    assert made.node.validate()


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


@pytest.mark.parametrize("units_first", [True, False])
@pytest.mark.parametrize(("excluded", "warned"), [([plans.DEV], True), ([plans.DEV, plans.PROD], False)])
def test_a_set_of_units_beside_one_of_accounts_warns_until_it_leaves_them_out(
    units_first: bool, excluded: list[str], warned: bool
) -> None:
    """All of them."""
    stack = _stack()
    made: list[Callable[[], object]] = [
        lambda: _set(stack, "Units", excluded_accounts=excluded),
        lambda: _set(stack, "Listed", accounts=[plans.DEV, plans.PROD]),
    ]
    for make in made if units_first else reversed(made):
        make()
    found = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("registers this CA"))
    assert bool(found) is warned


def test_sets_of_two_organizations_do_not_meet() -> None:
    """A unit's id tells its root, and an account is in one organization."""
    stack = _stack()
    _set(stack, "First")
    _set(stack, "Second", organizational_units=["ou-cd34-22222222"])
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_two_sets_of_many_accounts_are_compared_in_one_pass() -> None:
    """Looking for each account of one among all of the other takes minutes at 100,000."""
    stack, comparisons = _stack(), Comparisons()
    for name in ("First", "Second"):
        accounts = comparisons.texts(f"{number:012d}" for number in range(len(name), 3_000, 6))
        _set(stack, name, accounts=accounts)
    assert comparisons.count < 10_000


def test_sets_of_two_cas_or_two_regions_do_not_meet() -> None:
    """Nothing to say."""
    stack = _stack()
    _set(stack, "First", accounts=[plans.DEV])
    _set(stack, "OtherCa", accounts=[plans.DEV], ca_certificate=plans.ca("Other CA"))
    _set(stack, "OtherRegion", accounts=[plans.DEV], regions=["us-west-2"])
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_what_retain_costs_is_told() -> None:
    """A native registration adopts nothing, nor does a provisioning template: both stand in the way of a return."""
    stack = _stack()
    made = _set(stack, on_leaving="RETAIN")
    said = f"fails when it returns.*delete there the CA, its provisioning template {made.template_name} and"
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp(said))


def test_a_set_of_another_partition_than_its_stack_is_refused() -> None:
    """An organization ends at its partition; where the stack's region is not known yet, nothing is said."""
    with pytest.raises(
        errors.StackSetRegionsError, match="put the set into a stack of an account of aws-us-gov"
    ):
        _set(_stack(), regions=["us-gov-west-1"])
    assert _set(Stack(App(), "Open"), regions=["us-gov-west-1"]).template_name
    gov = Environment(account="999999999999", region="us-gov-east-1")
    assert _set(Stack(App(), "Gov", env=gov), regions=["us-gov-west-1"]).template_name


def test_two_sets_of_one_name_are_refused() -> None:
    """In one account and region CloudFormation has one set of a name, whatever it registers where."""
    app = App()
    _set(_stack(app), "First", stack_set_name="Fleet", accounts=[plans.DEV])
    other = Stack(app, "Other", env=Environment(account="999999999999", region="us-east-1"))
    with pytest.raises(errors.DuplicateStackNameError, match="Organization/First and Other/Second"):
        _set(other, "Second", stack_set_name="Fleet", accounts=[plans.PROD])
    elsewhere = Stack(app, "Elsewhere", env=Environment(account="999999999999", region="us-west-2"))
    _set(elsewhere, "Third", stack_set_name="Fleet", accounts=[plans.STAGING])


def test_sets_of_one_name_in_stages_of_two_organizations() -> None:
    """Where the stacks name no account, the units tell that it cannot be one; of one organization it may be."""
    app = App()
    for name, unit in (("Dev", UNIT), ("Prod", "ou-cd34-11111111")):
        _set(Stack(Stage(app, name), "Organization"), organizational_units=[unit])
    with pytest.raises(
        errors.DuplicateStackNameError, match="Dev/Organization/FleetCa and Test/Organization/FleetCa"
    ):
        _set(Stack(Stage(app, "Test"), "Organization"))


def test_a_region_that_is_not_known_is_a_warning() -> None:
    """As of a stage: AWS adds regions."""
    stack = _stack()
    _set(stack, regions=["eu-nowhere-9"])
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp("eu-nowhere-9 is not among"))


def test_that_the_management_account_is_never_reached_is_told() -> None:
    """Of units alone: a set of listed accounts reaches whichever is listed."""
    stack = _stack()
    _set(stack)
    Annotations.from_stack(stack).has_info("*", Match.string_like_regexp("never reaches.*management account"))
    listed = _stack()
    _set(listed, accounts=[plans.DEV])
    Annotations.from_stack(listed).has_no_info("*", Match.any_value())


@pytest.mark.parametrize("kind", ["nested", "stage"])
def test_a_set_is_read_wherever_it_stands(kind: str) -> None:
    """In a nested stack, whose template is a file of its own, and in a Stage, whose assembly is."""
    app = App()
    scope = app if kind == "nested" else Stage(app, "Prod")
    stack = Stack(scope, "Organization", env=Environment(account="999999999999", region="us-east-1"))
    made = _set(NestedStack(stack, "Nested") if kind == "nested" else stack)
    [planned] = read_planned_sets(app.synth().directory)
    assert planned.body == made.template_body
    assert planned.deploy.split()[2] == ("Organization" if kind == "nested" else "Prod/Organization")
