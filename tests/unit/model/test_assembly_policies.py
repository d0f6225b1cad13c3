"""What other accounts must add, from the constructs into the assembly and out again."""

from __future__ import annotations

from aws_cdk import App

from iot_multiaccount_ca import SharedCa, Verification
from iot_multiaccount_ca.model.assembly_policies import read_foreign_policies
from support import plans

KEY = "arn:aws:kms:eu-west-1:999999999999:key/12345678-1234-1234-1234-123456789012"


def test_what_the_constructs_say_is_what_is_read() -> None:
    """The policy that the verification names, whole, with the stage that needs it."""
    app, proof = App(), Verification.from_kms_key(KEY)
    SharedCa(app, "FleetCa", plan=plans.plan(verification=proof))
    [expected] = proof.foreign_policies(plans.PROD, ca_certificate=plans.ca())
    [found] = read_foreign_policies(app.synth().directory)
    assert (found.labels, found.kind, found.resource_arn) == (("prod",), expected.kind, expected.resource_arn)
    assert found.policy == expected.document
    assert found.to_json() == expected.to_json()


def test_a_proof_of_the_stages_own_account_needs_nothing_of_others() -> None:
    """Nor does an app without an owner."""
    for plan in (plans.plan(), plans.sni_only_plan()):
        app = App()
        SharedCa(app, "FleetCa", plan=plan)
        assert read_foreign_policies(app.synth().directory) == []
