"""The roles as the templates have them: enough for every scene, and nothing too much.

Each action is taken away in turn: some scene must then end otherwise. What the provisioning role may do is AWS's own
managed policy, and stands apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, Stack

from iot_multiaccount_ca import (
    CaRegistration,
    CertificateMode,
    JitpProvisioningTemplate,
    OnExisting,
    Verification,
)
from iot_multiaccount_ca.model.ca.certificate import CaCertificate
from iot_multiaccount_ca.model.possession.verification import WAYS
from support import plans
from support.fakes.iam import Call, Guarded, RolePolicy
from support.scenes import (
    ACCOUNT,
    KMS_KEY,
    PRIVATE_CA,
    REGION,
    SCENES,
    SECRET,
    THEIR_ROLE,
    Scene,
    Theatre,
    authority,
    default,
    in_other_worlds,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_PASSED = f"arn:aws:iam::{ACCOUNT}:role/provisioning"
_PASSES = {"fleet": _PASSED, "other": _PASSED, "theirs": THEIR_ROLE}
_LOG_GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:logs"
#: Which role a scene runs under, by the proof in the registration's properties, now or before.
_ROLES: dict[str, Verification | None] = {
    "SNI_ONLY": None,
    "SECRET": Verification.from_secret(SECRET),
    "KMS_KEY": Verification.from_kms_key(KMS_KEY),
    "PRIVATE_CA": Verification.from_private_ca(PRIVATE_CA),
    "PRE_ISSUED": Verification.from_pre_issued(
        {"Ca": default("PRE_ISSUED")["verification"]["CertificatePem"]}
    ),
}


def test_every_way_of_proof_has_a_role_and_scenes() -> None:
    """A way that is tried under no role may be granted too little, or too much."""
    assert set(_ROLES) == {"SNI_ONLY", *WAYS}
    assert [role for role in _ROLES if not _scenes_of(role)] == []


def test_every_scene_has_a_role() -> None:
    """No scene is left out by a proof that no role stands for."""
    assert sum(len(_scenes_of(role)) for role in _ROLES) == len(SCENES)


@pytest.fixture(scope="module")
def policies() -> dict[str, RolePolicy]:
    """The registrar's policy for each kind of proof, out of the synthesized templates."""
    found = {}
    for name, verification in _ROLES.items():
        app = App()
        stack = Stack(app, "FleetCa-dev", env=Environment(account=ACCOUNT, region=REGION))
        CaRegistration(
            stack,
            "Ca",
            ca_certificate=CaCertificate.from_pem(authority().pem),
            certificate_mode=CertificateMode.DEFAULT if verification else CertificateMode.SNI_ONLY,
            verification=verification,
            on_existing=OnExisting.ADOPT,
            adopt_from_stack="Older",
            adopt_template_role_arn=THEIR_ROLE,
            provisioning_template=JitpProvisioningTemplate(stack, "Jitp", body=plans.jitp()),
        )
        found[name] = RolePolicy(_statements(plans.template_of(app, stack)))
    return found


def _statements(template: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The statements of the registrar's role, its references resolved."""
    for role in plans.resources(template, "AWS::IAM::Role"):
        principal = role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        if principal == "lambda.amazonaws.com":
            for policy in role["Properties"]["Policies"]:
                yield from (_resolved(each) for each in policy["PolicyDocument"]["Statement"])


def _resolved(value: Any) -> Any:
    if isinstance(value, list):
        return [_resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::GetAtt" in value:
        return _PASSED
    if "Ref" in value:
        return "logs"
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(_resolved(each) for each in parts)
    return {key: _resolved(each) for key, each in value.items()}


def _scenes_of(role: str) -> list[Scene]:
    """A stack without a proof in it runs under the plain role; in the others, a scene of that proof needs its own."""
    return [each for each in SCENES if (each.proof or "SNI_ONLY") == role]


def _plays(theatre: Theatre, scene: Scene, policy: RolePolicy | None) -> tuple[Any, ...]:
    """How the scene ends under a policy: what was answered, and what is registered."""
    scene.set(theatre)
    if policy is not None:
        theatre.guard(lambda fake: Guarded(fake, policy, account=ACCOUNT, region=REGION, passes=_PASSES))
    scene.play(theatre)
    answers = [(each.request, each.succeeded) for each in theatre.resource.answers]
    return answers, theatre.aws.snapshot()


@pytest.mark.parametrize("role", _ROLES)
def test_the_role_is_enough_for_everything(
    role: str, policies: dict[str, RolePolicy], theatre: Theatre
) -> None:
    """Every scene ends as it does without IAM."""
    for scene in _scenes_of(role):
        for world in in_other_worlds(scene):
            assert _plays(theatre, world, policies[role]) == _plays(theatre, world, None), world.name


@pytest.mark.parametrize("role", _ROLES)
def test_without_any_one_action_something_fails(
    role: str, policies: dict[str, RolePolicy], theatre: Theatre
) -> None:
    """No action is granted that nothing needs; a DEFAULT stack also does what an SNI_ONLY one does."""
    policy = policies[role]
    scenes = _scenes_of(role) if role == "SNI_ONLY" else [*_scenes_of(role), *_scenes_of("SNI_ONLY")]
    superfluous = []
    for action in policy.actions:
        less = policy.without(action)
        if action.startswith("logs:"):
            # Lambda itself writes the function's log, under the function's role.
            call = Call(action, f"{_LOG_GROUP}:log-stream:2026/11/24/[$LATEST]0123", {})
            assert policy.allows(call)
            assert not less.allows(call)
            continue
        if not any(
            _plays(theatre, world, less) != _plays(theatre, world, None)
            for scene in scenes
            for world in in_other_worlds(scene)
        ):
            superfluous.append(action)
    assert superfluous == []


@pytest.mark.parametrize("role", _ROLES)
def test_only_what_knows_no_resource_is_granted_on_all(role: str, policies: dict[str, RolePolicy]) -> None:
    """The Service Authorization Reference lists no resource type for these three."""
    wide = {
        action for each in policies[role].statements() if "*" in each["Resource"] for action in each["Action"]
    }
    assert wide <= {"iot:RegisterCACertificate", "iot:ListCACertificates", "iot:GetRegistrationCode"}


def test_a_role_that_needs_no_key_has_none(policies: dict[str, RolePolicy]) -> None:
    """SNI_ONLY: nothing of Secrets Manager, KMS or Private CA."""
    services = {action.split(":")[0] for action in policies["SNI_ONLY"].actions}
    assert services == {"iot", "iam", "logs", "cloudformation"}


@pytest.mark.parametrize(
    "call",
    [
        Call("kms:Sign", KMS_KEY, {"kms:SigningAlgorithm": "ECDSA_SHA_384", "kms:MessageType": "DIGEST"}),
        Call("kms:Sign", KMS_KEY, {"kms:SigningAlgorithm": "ECDSA_SHA_256", "kms:MessageType": "RAW"}),
        Call(
            "kms:Sign",
            KMS_KEY.replace("1111-2222", "9999-2222"),
            {"kms:SigningAlgorithm": "ECDSA_SHA_256", "kms:MessageType": "DIGEST"},
        ),
    ],
    ids=["another algorithm", "a message in place of a digest", "another key"],
)
def test_a_key_signs_digests_by_its_one_algorithm_alone(call: Call, policies: dict[str, RolePolicy]) -> None:
    """kms:Sign is tied to the key and to what a certificate needs."""
    assert not policies["KMS_KEY"].allows(call)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("FleetCa-dev", True), ("Older", True), ("FleetCa-devil", False), ("Stranger", False)],
)
def test_only_two_stacks_are_asked_about(name: str, allowed: bool, policies: dict[str, RolePolicy]) -> None:
    """Its own, whichever of that name, and the one that adopt_from_stack names."""
    stack = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/00000000-0000-0000-0000-000000000000"
    assert policies["SNI_ONLY"].allows(Call("cloudformation:DescribeStacks", stack, {})) is allowed
