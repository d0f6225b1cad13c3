"""The record of a stack set in the cloud assembly: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, Environment, RemovalPolicy, Stack

from iot_multiaccount_ca import RetiringCa, SharedCaStackSet, errors
from iot_multiaccount_ca.fleet.live_sets import LiveInstance
from iot_multiaccount_ca.fleet.planned_sets import read_planned_sets
from iot_multiaccount_ca.model.assembly_sets import StackSetRecord
from support import plans
from support.stack_sets import set_record


def test_what_a_construct_writes_is_read() -> None:
    """From a synth: the set, its CAs, the administrator, the template, and what it comes down to in an account."""
    app = App()
    stack = Stack(app, "Organization", env=Environment(account="999999999999", region="us-east-1"))
    made = SharedCaStackSet(
        stack,
        "FleetOfAll",
        ca_certificate=plans.ca(),
        provisioning=plans.jitp(),
        regions=["eu-west-1", "us-east-1"],
        organizational_units=["ou-ab12-11111111"],
        excluded_accounts=["111111111111"],
        retiring=[RetiringCa(plans.ca("Old CA"), active=False)],
        on_leaving=RemovalPolicy.RETAIN,
        delegated_administrator=True,
    )
    [planned] = read_planned_sets(app.synth().directory)
    record = planned.record
    assert (planned.account, planned.region, planned.selector) == (
        "999999999999",
        "us-east-1",
        "Organization",
    )
    assert planned.body == made.template_body
    assert (record.name, record.template_name, record.call_as) == (
        "FleetOfAll",
        made.template_name,
        "DELEGATED_ADMIN",
    )
    assert [(ca.certificate_id, ca.retiring, ca.active) for ca in record.cas] == [
        (plans.ca().certificate_id, False, True),
        (plans.ca("Old CA").certificate_id, True, False),
    ]
    assert record.retains
    stack_id = "arn:aws:cloudformation:eu-west-1:222222222222:stack/StackSet-FleetOfAll-x/0"
    here = planned.registrations_of(
        LiveInstance("222222222222", "eu-west-1", "CURRENT", "SUCCEEDED", "", stack_id)
    )
    assert {each.record.logical_id for each in here} < set(json.loads(made.template_body)["Resources"])
    assert here[0].template_body == plans.jitp().resolve(
        account="222222222222", region="eu-west-1", partition="aws"
    )


def test_a_record_survives_json() -> None:
    """As metadata, both ways."""
    record = set_record(excluded_accounts=("111111111111",))
    assert StackSetRecord.from_metadata(json.loads(json.dumps(record.to_metadata()))) == record


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "-x"),
        ("cas", []),
        ("cas", [{"certificateId": "12"}]),
        ("organizationalUnits", ["x"]),
        ("accounts", "111111111111"),
        ("excludedAccounts", ["12"]),
        ("regions", []),
        ("templateName", ""),
        ("retains", "yes"),
        ("delegatedAdministrator", None),
    ],
)
def test_a_field_that_cannot_be_is_refused(field: str, value: Any) -> None:
    """Whoever wrote it."""
    with pytest.raises(errors.AssemblyError, match="of a stack set.* is (malformed|missing)"):
        StackSetRecord.from_metadata(set_record().to_metadata() | {field: value})


def test_a_record_of_another_version_is_refused() -> None:
    """As a registration's."""
    with pytest.raises(errors.AssemblyError, match="another version"):
        StackSetRecord.from_metadata(set_record().to_metadata() | {"version": 2})
