"""Where one stack's life ends and another's begins, under the real CDK CLI and IAM enforcement."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.local.cdk import Cdk
from iot_multiaccount_ca.local.emulator import LocalAws
from iot_multiaccount_ca.local.gaps.registration import SECOND_DEFAULT_VARIABLE
from support.certificates import certificate_id, make_ca
from support.deployments import ACCOUNTS, REGIONS, Deployments
from support.local_accounts import LocalAccount, policy_document

if TYPE_CHECKING:
    from support.certificates import Authority

ONE, TWO, _ = ACCOUNTS
REGION = REGIONS[0]
_APP = """
import json, os
from aws_cdk import App, CustomResource, Stack, aws_iam
from iot_multiaccount_ca import CaCertificate, CaStage, JitpTemplateBody, SharedCa, SharedCaPlan, Verification

asked = json.loads(os.environ["ASKED"])
app = App(outdir=os.environ["CDK_OUTDIR"])
more = {key: asked[key] for key in (
    "owner_account", "allow_mode_change", "on_existing", "removal_policy", "adopt_from_prefix", "active",
    "auto_registration") if key in asked}
if "owner_account" in asked:
    more["verification"] = Verification.from_secret(asked["secret"])
plan = SharedCaPlan(
    ca_certificate=CaCertificate.from_pem(asked["ca"]),
    provisioning=JitpTemplateBody.from_file(asked["jitp"]) if "jitp" in asked else None,
    stages=[
        CaStage(name, account=account, region=region, adopt_template_role_arn=asked.get("their_role"))
        for name, account, region in asked["stages"]
    ],
    **more,
)
role = aws_iam.Role.from_role_name(Stack(app, "Nowhere"), "Role", asked["role"]) if "role" in asked else None
shared = SharedCa(app, asked["name"], plan=plan, role=role)
app.node.try_remove_child("Nowhere")
for stage, registration in shared.registrations.items():
    if asked.get("breaks"):
        nobody = "arn:aws:lambda:eu-west-1:111111111111:function:nobody"
        broken = CustomResource(shared.stacks[stage], "Broken", service_token=nobody)
        broken.node.add_dependency(registration)
app.synth()
"""


class _Fleet:
    """One app, deployed again and again with other settings."""

    def __init__(self, deployments: Deployments, ca: Authority, name: str, **settings: Any) -> None:
        self.deployments, self.name = deployments, name
        self._id = certificate_id(ca.certificate)
        self._settings = {"name": name, "ca": ca.pem, "stages": [("one", ONE, REGION)], **settings}

    def _how(self, changes: dict[str, Any]) -> dict[str, Any]:
        asked = {key: value for key, value in {**self._settings, **changes}.items() if value is not None}
        return {"name": self.name, "variables": {"ASKED": json.dumps(asked)}}

    def deploy(self, **changes: Any) -> None:
        self.deployments.deploy(_APP, **self._how(changes))

    def fail(self, stage: str = "one", account: str = ONE, **changes: Any) -> str:
        self.deployments.fail_to_deploy(_APP, **self._how(changes))
        return "\n".join(self.deployments.failures(f"{self.name}-{stage}", account, REGION))

    def live(self, account: str = ONE, region: str = REGION) -> dict[str, Any] | None:
        return self.deployments.describe_ca(self._id, account, region)

    def tags(self, aws: LocalAws) -> dict[str, str]:
        live = self.live()
        assert live is not None
        iot = aws.client("iot", account=ONE, region=REGION)
        tags = iot.list_tags_for_resource(resourceArn=live["certificateArn"])["tags"]
        return {tag["Key"]: tag["Value"] for tag in tags}


def test_what_a_stage_left_is_its_own_again(
    deployments: Deployments, local_aws: LocalAws, pytestconfig: pytest.Config
) -> None:
    """Retained and deployed again by the same name: the template that stayed behind is in nobody's way.

    The failed deployment in between leaves all as it was, the template included, whose role it named.
    """
    ca = make_ca("ec-p256", common_name="Left CA")
    jitp = str(pytestconfig.rootpath / "examples/jitp.json")
    fleet = _Fleet(deployments, ca, "Left", removal_policy="RETAIN", jitp=jitp)
    fleet.deploy()
    deployments.destroy("Left")
    before, tags = fleet.live(), fleet.tags(local_aws)
    assert before is not None
    iot = local_aws.client("iot", account=ONE, region=REGION)
    theirs = iot.describe_provisioning_template(templateName=before["templateName"])["provisioningRoleArn"]
    fleet.fail(active=False, breaks=True, their_role=theirs)
    assert fleet.live() == {**before, **_moving(fleet.live())}
    assert fleet.tags(local_aws) == tags
    # What DESTROY says is of the stack's own by then: it takes the registration along.
    fleet.deploy(removal_policy="DESTROY")
    assert fleet.tags(local_aws) != tags
    again = fleet.live()
    assert again is not None
    assert again["templateName"] not in (None, before["templateName"])
    deployments.destroy("Left")
    assert fleet.live() is None


@pytest.mark.slow
def test_a_stage_of_a_former_prefix_is_taken_up_and_goes(
    deployments: Deployments, pytestconfig: pytest.Config
) -> None:
    """Retained, taken up under a new prefix, changed in mode, and not without the flag; destroyed for good.

    A failed deployment under the old name that names no role leaves the template off, and all else as it was.
    """
    ca = make_ca("ec-p256", common_name="Renamed CA")
    deployments.put_secret("renamed/key", ca.key_pem, ONE, REGION)
    jitp = str(pytestconfig.rootpath / "examples/jitp.json")
    old = _Fleet(deployments, ca, "LeftOld", removal_policy="RETAIN", jitp=jitp)
    old.deploy()
    deployments.destroy("LeftOld")
    before = old.live()
    assert before is not None
    old.fail(active=False, breaks=True)
    assert old.live() == {**before, **_moving(old.live()), "templateName": None}
    new = _Fleet(deployments, ca, "LeftNew", jitp=jitp)
    assert 'adopt_from_stack="LeftOld-one"' in new.fail()
    adopting = {"on_existing": "ADOPT", "adopt_from_prefix": "LeftOld"}
    new.deploy(**adopting)
    new.deploy(owner_account=ONE, secret="renamed/key", allow_mode_change=True, **adopting)
    live = new.live()
    assert live is not None
    assert live["certificateMode"] == "DEFAULT"
    said = new.fail(**adopting)
    assert "allow_mode_change=True" in said
    assert new.live() == {**live, **_moving(new.live())}
    deployments.destroy("LeftNew")
    assert new.live() is None


def test_a_failed_adoption_gives_back_what_it_found(
    deployments: Deployments, local_aws: LocalAws, pytestconfig: pytest.Config
) -> None:
    """Registered by hand, INACTIVE, with a template and a tag; something else in the adopting stack fails."""
    ca = make_ca("ec-p256", common_name="Given back CA")
    place = LocalAccount(local_aws, ONE, REGION)
    role = place.provisioning_role()
    place.template("given-back-theirs", provisioningRoleArn=role)
    place.iot.register_ca_certificate(
        caCertificate=ca.pem,
        certificateMode="SNI_ONLY",
        allowAutoRegistration=True,
        registrationConfig={"templateName": "given-back-theirs"},
        tags=[{"Key": "theirs", "Value": "x"}],
    )
    jitp = str(pytestconfig.rootpath / "examples/jitp.json")
    fleet = _Fleet(deployments, ca, "GivenBack", on_existing="ADOPT", jitp=jitp, their_role=role)
    before = fleet.live()
    assert before is not None
    assert before["templateName"] == "given-back-theirs"
    fleet.fail(breaks=True)
    assert fleet.live() == {**before, **_moving(fleet.live())}
    assert fleet.tags(local_aws) == {"theirs": "x"}
    place.iot.delete_ca_certificate(certificateId=certificate_id(ca.certificate))


def test_two_regions_share_a_role_of_the_users_own(deployments: Deployments, local_aws: LocalAws) -> None:
    """Each has its policy on it: one goes, and the other can still be changed, and go."""
    ca = make_ca("ec-p256", common_name="One role CA")
    iam = local_aws.client("iam", account=ONE, region=REGION)
    trust = policy_document("sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"})
    iam.create_role(RoleName="ca-registrar-of-all", AssumeRolePolicyDocument=trust)
    stages = [(region, ONE, region) for region in REGIONS]
    fleet = _Fleet(deployments, ca, "OneRole", stages=stages, role="ca-registrar-of-all")
    fleet.deploy()
    assert len(iam.list_role_policies(RoleName="ca-registrar-of-all")["PolicyNames"]) == len(REGIONS)
    deployments.destroy_one("OneRole", f"OneRole/{REGIONS[1]}")
    assert fleet.live(region=REGIONS[1]) is None
    fleet.deploy(stages=stages[:1], active=False)
    live = fleet.live()
    assert live is not None
    assert live["status"] == "INACTIVE"
    deployments.destroy("OneRole")
    assert fleet.live() is None
    assert iam.list_role_policies(RoleName="ca-registrar-of-all")["PolicyNames"] == []
    iam.delete_role(RoleName="ca-registrar-of-all")


@pytest.mark.slow
def test_a_second_owner_is_told_by_the_other_error_too(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """AWS documents neither; that of the local AWS is ResourceAlreadyExists otherwise (test_lifecycle)."""
    ca = make_ca("ec-p256", common_name="Twice owned CA")
    root = Path(pytestconfig.rootpath)
    with LocalAws(settings={SECOND_DEFAULT_VARIABLE: "InvalidRequestException"}) as aws:
        Cdk(aws, root).bootstrap([(account, REGION) for account in (ONE, TWO)], trusted=ONE)
        with contextlib.closing(Deployments(aws, root, tmp_path)) as deployments:
            for account in (ONE, TWO):
                deployments.put_secret("twice/key", ca.key_pem, account, REGION)
            owned = {"secret": "twice/key"}
            first = _Fleet(deployments, ca, "OwnerA", owner_account=ONE, **owned)
            first.deploy()
            second = _Fleet(
                deployments, ca, "OwnerB", owner_account=TWO, stages=[("two", TWO, REGION)], **owned
            )
            said = second.fail("two", TWO)
            assert f"another account holds this CA in DEFAULT mode in {REGION}" in said
            assert "InvalidRequestException" in said
            assert second.live(TWO) is None
            live = first.live()
            assert live is not None
            assert live["certificateMode"] == "DEFAULT"


def test_dev_goes_alone_and_prod_stands(deployments: Deployments) -> None:
    """`cdk destroy` of one stage takes no other along."""
    ca = make_ca("ec-p256", common_name="Standing CA")
    for account in (ONE, TWO):
        deployments.put_secret("standing/key", ca.key_pem, account, REGION)
    fleet = _Fleet(
        deployments,
        ca,
        "Standing",
        stages=[("dev", ONE, REGION), ("prod", TWO, REGION)],
        owner_account=TWO,
        secret="standing/key",
    )
    fleet.deploy()
    deployments.destroy_one("Standing", "Standing/dev")
    assert fleet.live(ONE) is None
    prod = fleet.live(TWO)
    assert prod is not None
    assert prod["certificateMode"] == "DEFAULT"


def _moving(live: dict[str, Any] | None) -> dict[str, Any]:
    """What changes with every update, whatever is updated."""
    assert live is not None
    return {
        name: live[name] for name in ("lastModifiedDate", "customerVersion", "generationId") if name in live
    }
