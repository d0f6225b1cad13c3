"""The dry run beside the local AWS's own provisioning engine: both make the same of the golden table.

The engine is the emulator's, written by others; only where its parameters come from is ours (local/gaps), and that
shares no code with the dry run.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ministack.services import iot

from iot_multiaccount_ca.local.gaps import provisioning
from iot_multiaccount_ca.model.jitp.lint import with_text_policies
from iot_multiaccount_ca.model.jitp.simulation import Provisioning, dry_run
from support.simulation_table import ROWS, Row, certificate_of, template
from support.template_strategies import MAPPINGS, things

if TYPE_CHECKING:
    from cryptography import x509

# What only the registry refuses, later and in AWS: the engine's plan has it all the same.
_RESOLVING = {"function-failed", "subject-field-missing", "policy-document-no-json"}


def _plan(row: Row, pem: str, certificate_id: str) -> dict[str, Any] | None:
    """What the engine makes of the row; ``None`` where it refuses."""
    template = {
        "templateName": "golden",
        "versions": {
            "1": iot._provisioning_template_version(1, json.dumps(with_text_policies(row.template)), 0.0)
        },
        "defaultVersionId": 1,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # subjects that X.509 forbids
        try:
            parameters = provisioning._parameters(template, {"certificatePem": pem})
            plan: dict[str, Any] = iot._provisioning_plan(template, parameters, certificate_id)
        except (provisioning.ProvisioningError, iot._ProvisioningRejected):
            return None
    return plan


_DEVICES = st.sampled_from(
    [
        certificate_of((f"CN={name}", f"OU={unit}"))
        for name in ("a", "b c", "x-x")
        for unit in ("a", "u-v", "")
    ]
)


@settings(max_examples=200, deadline=None)
@given(things, _DEVICES)
def test_both_agree_on_what_is_provisioned(thing: dict[str, Any], certificate: x509.Certificate) -> None:
    """Of templates that nobody thought of: what cannot be resolved, and what is made where nothing is in the way."""
    assume("REF" not in str(thing))  # the engine writes an object into a text as Python does
    body = template("CommonName", "OrganizationalUnit", thing=thing, mappings=MAPPINGS)
    run = dry_run(body, certificate)
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    plan = _plan(Row("any", "", body, ()), pem, run.certificate_id)
    assert (plan is None) == bool(_RESOLVING & {each.code for each in run.findings})
    if run.provisioned:
        assert plan is not None
        assert _as_plan(run) == _of_engine(plan)


def _as_plan(run: Provisioning) -> dict[str, Any]:
    return {
        "thing": (run.thing_name, dict(run.attributes), run.thing_type, run.thing_groups)
        if run.makes_thing
        else None,
        "billing_group": run.billing_group,
        "policies": [(each.name, each.text) for each in run.policies],
    }


def _of_engine(plan: dict[str, Any]) -> dict[str, Any]:
    thing: dict[str, Any] = plan["thing"][0] if plan["thing"] else {}
    return {
        "thing": (
            thing.get("ThingName"),
            thing.get("AttributePayload", {}),
            thing.get("ThingTypeName"),
            tuple(thing.get("ThingGroups", ())),
        )
        if plan["thing"]
        else None,
        "billing_group": thing.get("BillingGroup"),
        # A policy made from a document is named by the document's hash: nothing that a dry run tells.
        "policies": [(None if document else name, document) for name, document in plan["policies"]],
    }


@pytest.mark.parametrize("row", [row for row in ROWS if not row.engine_differs], ids=lambda row: row.name)
def test_the_engine_makes_the_same_of_it(row: Row) -> None:
    """The same thing, policies and refusals."""
    certificate = certificate_of(row.subject)
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    run = dry_run(with_text_policies(row.template), certificate)
    plan = _plan(row, pem, run.certificate_id)
    assert (plan is None) == bool(_RESOLVING & {each.code for each in run.findings})
    if plan is not None:
        assert _as_plan(run) == _of_engine(plan)
    if plan is not None and run.provisioned:
        assert run.certificate_status == plan["status"]


@pytest.mark.parametrize("row", [row for row in ROWS if row.engine_differs], ids=lambda row: row.name)
def test_where_the_engine_differs_it_does(row: Row) -> None:
    """A difference that is gone belongs in the other test."""
    certificate = certificate_of(row.subject)
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    run = dry_run(with_text_policies(row.template), certificate)
    plan = _plan(row, pem, run.certificate_id)
    assert plan is not None
    assert _as_plan(run) != _of_engine(plan) or run.certificate_status != plan["status"]


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.expected.get("thing_name")], ids=lambda row: row.name
)
def test_the_engine_and_the_dry_run_judge_names_alike(row: Row) -> None:
    """The emulator's pattern of thing names is its own; a line feed at the end is the one place where it is laxer."""
    run = dry_run(with_text_policies(row.template), certificate_of(row.subject))
    illegal = any(each.code == "thing-name-illegal" for each in run.findings)
    name = run.thing_name or ""
    assert illegal == (not iot._NAME_RE.match(name) or name.endswith("\n"))
