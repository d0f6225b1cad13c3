"""The life of a registration under the real CDK CLI and IAM enforcement: what is registered after each event."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from support.certificates import make_ca, make_key, pem_of_key
from support.deployments import ACCOUNTS, REGIONS, Deployments

if TYPE_CHECKING:
    from pathlib import Path

    from iot_multiaccount_ca.local.emulator import LocalAws
    from support.certificates import Authority

ONE, TWO, _ = ACCOUNTS
#: So long CloudFormation waits for a Lambda that was killed, in place of seven minutes; seconds.
_SHORT = 12
REGION = REGIONS[0]
_APP = """
import json, os
from aws_cdk import App, CustomResource, Environment, Stack, aws_ssm
from iot_multiaccount_ca import (
    CaCertificate, CaStage, JitpTemplateBody, RetiringCa, SharedCa, SharedCaPlan, Verification)

asked = json.loads(os.environ["ASKED"])
app = App(outdir=os.environ["CDK_OUTDIR"])
more = {key: asked[key] for key in (
    "owner_account", "allow_mode_change", "on_existing", "removal_policy", "active") if key in asked}
if "owner_account" in asked:
    more["verification"] = Verification.from_secret(asked["secret"])
plan = SharedCaPlan(
    ca_certificate=CaCertificate.from_pem(asked["ca"]),
    provisioning=JitpTemplateBody.from_file(asked["jitp"]) if "jitp" in asked else None,
    retiring=[RetiringCa(CaCertificate.from_pem(pem), active=active) for pem, active in asked.get("retiring", [])],
    stages=[CaStage(name, account=account, region="eu-west-1") for name, account in asked["stages"]],
    **more,
)
shared = SharedCa(app, asked["name"], plan=plan)
for stage, registration in shared.registrations.items():
    resource = registration.node.default_child
    if "service_timeout" in asked:
        resource.add_property_override("ServiceTimeout", asked["service_timeout"])
    if asked.get("breaks"):
        nobody = "arn:aws:lambda:eu-west-1:111111111111:function:nobody"
        broken = CustomResource(shared.stacks[stage], "Broken", service_token=nobody)
        broken.node.add_dependency(registration)
    if asked.get("user"):
        user = Stack(app, asked["user"], env=Environment(account="111111111111", region="eu-west-1"))
        aws_ssm.StringParameter(
            user, "Arn", parameter_name="/" + asked["user"], string_value=registration.ca_certificate_arn)
app.synth()
"""


class Fleet:
    """One app of the tests, deployed again and again with other settings."""

    def __init__(self, deployments: Deployments, name: str, **settings: Any) -> None:
        self.deployments = deployments
        self.name = name
        self.settings = {"name": name, "stages": [("one", ONE)], **settings}

    def _how(self, changes: dict[str, Any]) -> dict[str, Any]:
        asked = {key: value for key, value in {**self.settings, **changes}.items() if value is not None}
        return {"name": self.name, "variables": {"ASKED": json.dumps(asked)}}

    def deploy(self, *, concurrency: int = 3, **changes: Any) -> None:
        self.deployments.deploy(_APP, concurrency=concurrency, **self._how(changes))

    def fail(self, **changes: Any) -> str:
        return self.deployments.fail_to_deploy(_APP, **self._how(changes))

    def reasons(self, stage: str = "one", account: str = ONE) -> str:
        return "\n".join(self.deployments.failures(f"{self.name}-{stage}", account, REGION))

    def status(self, stage: str = "one", account: str = ONE) -> str | None:
        return self.deployments.stack_status(f"{self.name}-{stage}", account, REGION)

    def live(self, ca: Authority, account: str = ONE) -> dict[str, Any] | None:
        return self.deployments.describe_ca(certificate_id_of(ca), account, REGION)

    def mode(self, ca: Authority, account: str = ONE) -> str | None:
        found = self.live(ca, account)
        return None if found is None else str(found["certificateMode"])


def certificate_id_of(ca: Authority) -> str:
    from support.certificates import certificate_id

    return certificate_id(ca.certificate)


def _by_hand(aws: LocalAws, ca: Authority, account: str = ONE) -> Any:
    """Register a CA as somebody else would; the client, to look and to clean up with."""
    iot = aws.client("iot", account=account, region=REGION)
    iot.register_ca_certificate(caCertificate=ca.pem, certificateMode="SNI_ONLY", setAsActive=True)
    return iot


def _remove(iot: Any, ca: Authority) -> None:
    iot.update_ca_certificate(certificateId=certificate_id_of(ca), newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=certificate_id_of(ca))


def test_default_is_handed_over_in_one_deployment_and_back(deployments: Deployments) -> None:
    """Two accounts change places, with concurrency and one after the other; never two owners."""
    ca = make_ca("ec-p256", common_name="Hand-over CA")
    for account in (ONE, TWO):
        deployments.put_secret("hand-over/key", ca.key_pem, account, REGION)
    fleet = Fleet(
        deployments,
        "HandOver",
        ca=ca.pem,
        secret="hand-over/key",
        stages=[("one", ONE), ("two", TWO)],
        allow_mode_change=True,
    )
    fleet.deploy(owner_account=ONE)
    assert (fleet.mode(ca, ONE), fleet.mode(ca, TWO)) == ("DEFAULT", "SNI_ONLY")
    fleet.deploy(owner_account=TWO)
    assert (fleet.mode(ca, ONE), fleet.mode(ca, TWO)) == ("SNI_ONLY", "DEFAULT")
    fleet.deploy(owner_account=ONE, concurrency=1)
    assert (fleet.mode(ca, ONE), fleet.mode(ca, TWO)) == ("DEFAULT", "SNI_ONLY")


def test_a_hand_over_whose_taking_fails_leaves_no_owner(deployments: Deployments) -> None:
    """The taking account has another key: never two owners, the event says why, and the next deployment mends it."""
    ca = make_ca("ec-p256", common_name="Half hand-over CA")
    deployments.put_secret("half/key", ca.key_pem, ONE, REGION)
    deployments.put_secret("half/key", make_ca("ec-p256", common_name="Wrong CA").key_pem, TWO, REGION)
    fleet = Fleet(
        deployments,
        "HalfHandOver",
        ca=ca.pem,
        secret="half/key",
        stages=[("one", ONE), ("two", TWO)],
        allow_mode_change=True,
    )
    fleet.deploy(owner_account=ONE)
    fleet.fail(owner_account=TWO)
    assert (fleet.mode(ca, ONE), fleet.mode(ca, TWO)) == ("SNI_ONLY", "SNI_ONLY")
    assert fleet.status("two", TWO) == "UPDATE_ROLLBACK_COMPLETE"
    assert "half/key" in fleet.reasons("two", TWO)
    deployments.put_secret("half/key", ca.key_pem, TWO, REGION)
    fleet.deploy(owner_account=TWO)
    assert (fleet.mode(ca, ONE), fleet.mode(ca, TWO)) == ("SNI_ONLY", "DEFAULT")


def test_a_mode_change_that_was_not_allowed_rolls_back(deployments: Deployments) -> None:
    """The sentence names the setting, the stack is as before, and so is the registration."""
    ca = make_ca("ec-p256", common_name="Steady CA")
    deployments.put_secret("steady/key", ca.key_pem, ONE, REGION)
    fleet = Fleet(deployments, "Steady", ca=ca.pem, secret="steady/key")
    fleet.deploy()
    before = fleet.live(ca)
    fleet.fail(owner_account=ONE)
    assert fleet.live(ca) == before
    assert fleet.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert "allow_mode_change=True" in fleet.reasons()


def test_an_update_that_took_effect_is_rolled_back_with_the_stack(deployments: Deployments) -> None:
    """Something else in the stack fails after the registration was changed: it is as before again."""
    ca = make_ca("ec-p256", common_name="Rolled back CA")
    fleet = Fleet(deployments, "RolledBack", ca=ca.pem)
    fleet.deploy()
    before = fleet.live(ca)
    assert before is not None
    fleet.fail(active=False, breaks=True)
    events = deployments.stack_events("RolledBack-one", ONE, REGION)
    updated = [
        each for each in events if each.status == "UPDATE_COMPLETE" and each.physical_id == ca.certificate_id
    ]
    assert updated
    changing = {"lastModifiedDate", "customerVersion"}
    after = fleet.live(ca)
    assert after is not None
    assert {**after, **dict.fromkeys(changing)} == {**before, **dict.fromkeys(changing)}
    assert fleet.status() == "UPDATE_ROLLBACK_COMPLETE"


def test_a_lambda_that_is_killed_in_the_middle_is_made_good(
    deployments: Deployments, kill_order: Path
) -> None:
    """Registered, and never answered: the roll-back, whose Delete has a made-up id, finds and removes it.

    Deregistered for a change of mode, and not registered again: the roll-back's Update registers it as it was.
    """
    ca = make_ca("ec-p256", common_name="Killed CA")
    deployments.put_secret("killed/key", ca.key_pem, ONE, REGION)
    fleet = Fleet(
        deployments,
        "Killed",
        ca=ca.pem,
        secret="killed/key",
        allow_mode_change=True,
        service_timeout=_SHORT,
    )
    kill_order.write_text("RegisterCACertificate", encoding="utf-8")
    fleet.fail(owner_account=ONE)
    assert not kill_order.exists()
    assert fleet.status() == "ROLLBACK_COMPLETE"
    assert fleet.live(ca) is None
    deployments.destroy("Killed")
    fleet.deploy(owner_account=ONE)
    kill_order.write_text("DeleteCACertificate", encoding="utf-8")
    fleet.fail()
    assert not kill_order.exists()
    assert fleet.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert fleet.mode(ca) == "DEFAULT"


def test_a_ca_is_rotated_in_three_deployments(
    deployments: Deployments, local_aws: LocalAws, pytestconfig: pytest.Config
) -> None:
    """Side by side on one template, the old one quiet, the old one gone, under RETAIN too; it is never made anew.

    A stack that uses the CA's ARN stays deployed all the while, and follows.
    """
    old, new = (make_ca("ec-p256", common_name=f"{which} Rotated CA") for which in ("Old", "New"))
    jitp = str(pytestconfig.rootpath / "examples/jitp.json")
    fleet = Fleet(deployments, "Rotated", jitp=jitp, removal_policy="RETAIN", user="UsesRotated")
    ssm = local_aws.client("ssm", account=ONE, region=REGION)

    def used() -> str:
        return str(ssm.get_parameter(Name="/UsesRotated")["Parameter"]["Value"]).rpartition("/")[2]

    fleet.deploy(ca=old.pem)
    first = fleet.live(old)
    assert first is not None
    assert used() == certificate_id_of(old)
    user = deployments.stack_id("UsesRotated", ONE, REGION)
    fleet.deploy(ca=new.pem, retiring=[(old.pem, True)])
    beside, current = fleet.live(old), fleet.live(new)
    assert beside == first
    assert current is not None
    assert current["templateName"] == first["templateName"]
    assert used() == certificate_id_of(new)
    fleet.deploy(ca=new.pem, retiring=[(old.pem, False)])
    quiet = fleet.live(old)
    assert quiet is not None
    assert (quiet["status"], quiet["creationDate"]) == ("INACTIVE", first["creationDate"])
    fleet.deploy(ca=new.pem)
    assert fleet.live(old) is None
    assert fleet.live(new) is not None
    assert used() == certificate_id_of(new)
    assert deployments.stack_id("UsesRotated", ONE, REGION) == user
    deployments.destroy("Rotated")
    assert fleet.live(new) is not None
    _remove(local_aws.client("iot", account=ONE, region=REGION), new)


def test_a_foreign_ca_fails_the_stack_and_survives_it(deployments: Deployments, local_aws: LocalAws) -> None:
    """Registered by hand: the Create fails and says so, the roll-back's Delete touches nothing."""
    ca = make_ca("ec-p256", common_name="Foreign CA")
    iot = _by_hand(local_aws, ca)
    fleet = Fleet(deployments, "Foreign", ca=ca.pem)
    before = fleet.live(ca)
    fleet.fail()
    assert fleet.live(ca) == before
    for part in (certificate_id_of(ca), ONE, REGION, "by no stack of this library", "ADOPT"):
        assert part in fleet.reasons()
    assert fleet.status() == "ROLLBACK_COMPLETE"
    fleet.deployments.destroy("Foreign")
    assert fleet.live(ca) == before
    _remove(iot, ca)


def test_an_adopted_ca_is_given_back(
    deployments: Deployments, local_aws: LocalAws, pytestconfig: pytest.Config
) -> None:
    """It gets our template, and after our destroy it is registered without it."""
    ca = make_ca("ec-p256", common_name="Adopted CA")
    iot = _by_hand(local_aws, ca)
    jitp = str(pytestconfig.rootpath / "examples/jitp.json")
    fleet = Fleet(deployments, "Adopted", ca=ca.pem, on_existing="ADOPT", jitp=jitp)
    fleet.deploy()
    taken = fleet.live(ca)
    assert taken is not None
    assert str(taken["templateName"]).startswith("Adopted-one-")
    fleet.deployments.destroy("Adopted")
    back = fleet.live(ca)
    assert back is not None
    assert back["templateName"] is None
    assert iot.list_tags_for_resource(resourceArn=back["certificateArn"])["tags"] == []
    _remove(iot, ca)


def test_retain_leaves_the_ca_registered(deployments: Deployments, local_aws: LocalAws) -> None:
    """The stack goes, the registration stays."""
    ca = make_ca("ec-p256", common_name="Retained CA")
    fleet = Fleet(deployments, "Retained", ca=ca.pem, removal_policy="RETAIN")
    fleet.deploy()
    fleet.deployments.destroy("Retained")
    assert fleet.status() is None
    assert fleet.mode(ca) == "SNI_ONLY"
    _remove(local_aws.client("iot", account=ONE, region=REGION), ca)


@pytest.mark.parametrize(
    ("name", "secret", "sentence"),
    [
        # The registrar waits for a secret to be known everywhere; its own tests have the sentences.
        pytest.param("NoSecret", None, "does not exist", marks=pytest.mark.slow),
        pytest.param("NoKey", "no key at all", "holds no PEM private key", marks=pytest.mark.slow),
        ("OtherKey", pem_of_key(make_key("ec-p256", "somebody else's")), "give the key that signed"),
    ],
)
def test_a_proof_that_fails_leaves_nothing(
    deployments: Deployments, name: str, secret: str | None, sentence: str
) -> None:
    """Found before AWS IoT is asked: the stack rolls back, the event says what is wrong with which secret."""
    ca = make_ca("ec-p256", common_name=f"{name} CA")
    if secret is not None:
        deployments.put_secret(f"bad-{name}", secret, ONE, REGION)
    fleet = Fleet(deployments, name, ca=ca.pem, secret=f"bad-{name}", owner_account=ONE)
    fleet.fail()
    reasons = fleet.reasons()
    assert sentence in reasons
    for part in (f"bad-{name}", certificate_id_of(ca), ONE, REGION):
        assert part in reasons
    assert secret is None or secret.splitlines()[-2 if "\n" in secret else 0][:24] not in reasons
    assert fleet.live(ca) is None
    assert fleet.status() == "ROLLBACK_COMPLETE"


@pytest.mark.slow
def test_another_account_that_holds_default_is_named_as_the_cause(deployments: Deployments) -> None:
    """Two apps that do not know each other: the second's stack fails with what to do, the first is not touched."""
    ca = make_ca("ec-p256", common_name="Contested CA")
    for account in (ONE, TWO):
        deployments.put_secret("contested/key", ca.key_pem, account, REGION)
    first = Fleet(deployments, "ContestedA", ca=ca.pem, secret="contested/key", owner_account=ONE)
    first.deploy()
    second = Fleet(
        deployments,
        "ContestedB",
        ca=ca.pem,
        secret="contested/key",
        owner_account=TWO,
        stages=[("two", TWO)],
    )
    second.fail()
    assert f"another account holds this CA in DEFAULT mode in {REGION}" in second.reasons("two", TWO)
    assert second.live(ca, TWO) is None
    assert first.mode(ca) == "DEFAULT"


def test_an_expired_ca_cannot_be_deployed_and_can_be_destroyed(
    deployments: Deployments, tmp_path: Path
) -> None:
    """On the day after, the app still synthesizes: deploy refuses, destroy removes what stands."""
    ca = make_ca("ec-p256", common_name="Lasting CA")
    fleet = Fleet(deployments, "Expiring", ca=ca.pem)
    fleet.deploy()
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    gone = make_ca(
        "ec-p256", common_name="Gone CA", not_before=long_ago, not_after=long_ago + dt.timedelta(1)
    )
    assert "expired" in fleet.fail(ca=gone.pem)
    assert fleet.live(ca) is not None
    fleet.deployments.destroy("Expiring")
    assert fleet.live(ca) is None
