"""Every event of a registration's life, in the circumstances that change what the Lambda does about it.

A scene is set up on a fresh AWS, and then one event happens in it: what fault tests and permission tests go through.
"""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from ca_registrar import ownership
from iot_multiaccount_ca.constructs.engines.custom_resource.request_properties import request_properties
from iot_multiaccount_ca.model.ca.certificate import CaCertificate, CertificateMode
from iot_multiaccount_ca.model.options import OnExisting
from support.certificates import make_ca, make_verification_certificate
from support.fakes.aws_iot import AwsIot
from support.fakes.cloudformation import Resource
from support.fakes.faults import Endpoint, Script
from support.fakes.kms import FakeKms
from support.fakes.private_ca import FakePrivateCa
from support.fakes.secrets import FakeSecrets
from support.fakes.stacks import FakeStacks
from support.fakes.wire import FakeClients

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_multiaccount_ca.model.registration import RegistrationRequest
    from support.certificates import Authority
    from support.fakes.faults import Fault
    from support.fakes.wire import Fake

ACCOUNT, OTHER, REGION = "111111111111", "222222222222", "eu-west-1"
SECRET = "fleet-ca/private-key"
KMS_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
PRIVATE_CA = f"arn:aws:acm-pca:{REGION}:{ACCOUNT}:certificate-authority/11111111-2222-3333-4444-555555555555"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/Older/00000000-0000-0000-0000-000000000000"
FOREIGN = {"theirs": "x"}
THEIR_ROLE = f"arn:aws:iam::{ACCOUNT}:role/theirs"


@functools.cache
def authority(name: str = "Scene CA") -> Authority:
    """A CA by name."""
    return make_ca("ec-p256", common_name=name)


def properties(name: str = "Scene CA", **changes: Any) -> dict[str, Any]:
    """What the construct writes for the CA: SNI_ONLY, active, with a template, unless told.

    No request refuses anything here: the Lambda also gets what an older version of the library wrote.
    """
    tags = changes.pop("tags", {})
    settings: dict[str, Any] = {
        "ca_certificate": CaCertificate.from_pem(authority(name).pem),
        "mode": CertificateMode.SNI_ONLY,
        "active": True,
        "auto_registration": True,
        "template_name": "fleet",
        "verification": None,
        "allow_mode_change": False,
        "on_existing": OnExisting.FAIL,
        "adopt_from_stack": None,
        "adopt_template_role_arn": None,
    }
    assert changes.keys() <= settings.keys()
    asked = settings | changes
    template, proof = asked.pop("template_name"), asked.pop("verification")
    request = SimpleNamespace(
        certificate_mode=asked.pop("mode"),
        enrolls=asked.pop("auto_registration"),
        template=None if template is None else SimpleNamespace(name=template),
        verification=None if proof is None else SimpleNamespace(request_properties=lambda _: dict(proof)),
        stage=None,
        **asked,
    )
    token = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
    written = request_properties(cast("RegistrationRequest", request), service_token=token)
    return {**written, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def default(how: str = "SECRET") -> dict[str, Any]:
    """The settings of a DEFAULT registration, with one of the proofs."""
    proofs: dict[str, dict[str, str]] = {
        "SECRET": {"Type": "SECRET", "SecretId": SECRET},
        "KMS_KEY": {"Type": "KMS_KEY", "KeyArn": KMS_KEY},
        "PRIVATE_CA": {"Type": "PRIVATE_CA", "CertificateAuthorityArn": PRIVATE_CA},
        "PRE_ISSUED": {"Type": "PRE_ISSUED"},
    }
    proof = proofs[how]
    if how == "PRE_ISSUED":
        code = AwsIot().at(ACCOUNT, REGION).registration_code
        pem = make_verification_certificate(authority(), code)
        proof = {**proof, "CertificatePem": pem, "RegistrationCode": code}
    return {"mode": CertificateMode.DEFAULT, "verification": proof}


def is_as_asked(ca: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether a registration is what the properties ask for; tags of others' do not count."""
    config = asked.get("RegistrationConfig")
    tags = {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
    return bool(
        ca["pem"] == asked["CaCertificatePem"]
        and ca["mode"] == asked["CertificateMode"]
        and ca["status"] == ("ACTIVE" if asked["Active"] == "true" else "INACTIVE")
        and ca["auto"] == ("ENABLE" if asked["AutoRegistration"] == "true" else "DISABLE")
        and ca["config"] == ({"templateName": config["TemplateName"]} if config else None)
        and tags.items() <= ca["tags"].items()
    )


class Theatre:
    """A fresh AWS with one stack's registration in it, foreign registrations around it, and the keys of the CA.

    Clients are costly: a theatre is set again for every scene.
    """

    def __init__(self) -> None:
        self.script = Script()
        self._endpoints = {
            service: Endpoint(service, self.script)
            for service in ("iot", "cloudformation", "secretsmanager", "kms", "acm-pca")
        }
        self.clients = FakeClients(*self._endpoints.values(), home=REGION)
        self.reset()

    def reset(self, **settings: Any) -> None:
        """As it was at the beginning; ``settings`` of `AwsIot`."""
        self.aws = AwsIot(**settings)
        self.iot = self.aws.at(ACCOUNT, REGION)
        self.stacks = FakeStacks({STACK: "CREATE_COMPLETE"})
        kms = FakeKms()
        kms.add(KMS_KEY, authority().key)
        targets: dict[str, Fake] = {
            "iot": self.iot,
            "cloudformation": self.stacks,
            "secretsmanager": FakeSecrets({SECRET: authority().key_pem}),
            "kms": kms,
            "acm-pca": FakePrivateCa(PRIVATE_CA, authority(), pending=1),
        }
        for service, target in targets.items():
            self._endpoints[service].target = target
        self.resource = Resource(ACCOUNT, REGION, self.clients, self.script, stacks=self.stacks)
        # Another account's, and another CA in this one: no event of ours may touch them.
        self.register("Scene CA", account=OTHER)
        self.register("Bystander CA")

    def guard(self, behind: Callable[[Fake], Fake]) -> None:
        """Put every service behind something, such as a role's policy."""
        for endpoint in self._endpoints.values():
            assert endpoint.target is not None
            endpoint.target = behind(endpoint.target)

    def register(
        self,
        name: str,
        *,
        account: str = ACCOUNT,
        mode: str = "SNI_ONLY",
        tags: dict[str, str] | None = None,
        auto: str = "DISABLE",
        status: str = "ACTIVE",
        config: dict[str, str] | None = None,
    ) -> None:
        """Somebody else registers a CA."""
        ca = authority(name)
        self.aws.at(account, REGION).cas[self.aws.id_of(ca.certificate_id, account)] = {
            "pem": ca.pem,
            "mode": mode,
            "status": status,
            "auto": auto,
            "config": config,
            "tags": dict(FOREIGN if tags is None else tags),
        }

    def another(self, stack: str, logical_id: str = "Ca") -> Resource:
        """A resource of another stack in the same account and region, with a Lambda of its own."""
        return Resource(
            ACCOUNT, REGION, self.clients, self.script, stack=stack, logical_id=logical_id, stacks=self.stacks
        )

    def live(self, name: str = "Scene CA") -> dict[str, Any]:
        """What is registered in the account of the scene."""
        return self.iot.cas[self.id_of(name)]

    def id_of(self, name: str = "Scene CA") -> str:
        """The CA's id in the account of the scene."""
        return self.aws.id_of(authority(name).certificate_id, ACCOUNT)


@dataclass(frozen=True)
class Scene:
    """``prepare`` leads up to the event. ``event``: Create, Update or Delete. ``fails``: it does so without a fault.

    ``in_vain``: it succeeds, something else in the stack fails, and the fault strikes in what CloudFormation does next.
    ``orphan``: an earlier Create of ours left something, which the clean-up of a failed one takes away.
    ``drifted``: somebody changed what was deployed, and a roll-back mends that, too.
    ``reclaims``: it was ours, and may be so again though the event failed.
    ``proof``: the way of proof in the registration's properties, before the event or by it; None where it has none.
    """

    name: str
    event: str
    asked: Callable[[], dict[str, Any]] = properties
    prepare: Callable[[Theatre], None] = lambda theatre: None
    fails: str = ""
    in_vain: bool = False
    orphan: bool = False
    drifted: bool = False
    reclaims: bool = False
    proof: str | None = None
    aws: dict[str, Any] = field(default_factory=dict)

    def set(self, theatre: Theatre) -> None:
        """Bring the theatre to the moment before the event."""
        theatre.reset(**self.aws)
        self.prepare(theatre)
        theatre.resource.answers.clear()

    def play(self, theatre: Theatre, fault: Fault | None = None, *, twice: bool = False) -> bool:
        """The event, and what CloudFormation does next; whether it succeeded."""
        resource = theatre.resource
        if self.in_vain:
            undone = resource.create_in_vain if self.event == "Create" else resource.update_in_vain
            return undone(self.asked(), fault, twice=twice)
        if self.event == "Create":
            return resource.create(self.asked(), fault, twice=twice)
        if self.event == "Update":
            return resource.update(self.asked(), fault, twice=twice)
        return resource.delete(fault, twice=twice)


def _created(**settings: Any) -> Callable[[Theatre], None]:
    def prepare(theatre: Theatre) -> None:
        assert theatre.resource.create(properties(**settings))

    return prepare


def _registered(**how: Any) -> Callable[[Theatre], None]:
    return lambda theatre: theatre.register("Scene CA", **how)


def _adopted(theatre: Theatre) -> None:
    theatre.register("Scene CA", **_FOUND)
    assert theatre.resource.create(properties(**_ADOPT))


def _of_a_stack(theatre: Theatre) -> None:
    """A stack that is alive has it."""
    assert theatre.another("Older").create(properties(template_name="theirs", tags={"team": "a"}))


def _adopted_of_a_stack(theatre: Theatre) -> None:
    _of_a_stack(theatre)
    assert theatre.resource.create(properties(**_ADOPT))


def _left(stack: str, mode: str = "SNI_ONLY") -> Callable[[Theatre], None]:
    """A stack that is gone has left it: its template, too, which is another than the one that we have."""

    def prepare(theatre: Theatre) -> None:
        gone = theatre.another(stack)
        assert gone.create(properties(template_name="theirs", tags={"team": "a"}))
        theatre.live()["mode"] = mode
        gone.die_retained()
        theatre.resource.generation = 1

    return prepare


def _taken_up(theatre: Theatre) -> None:
    _left("FleetCa-dev")(theatre)
    assert theatre.resource.create(properties())


def _adopted_from_us(theatre: Theatre) -> None:
    """By a stack that is gone, and never gave it back."""
    _created()(theatre)
    gone = theatre.another("Older")
    assert gone.create(properties(on_existing=OnExisting.ADOPT, adopt_from_stack="FleetCa-dev"))
    gone.die_retained()


def _taken_by_hand(theatre: Theatre) -> None:
    """Somebody made ours their own."""
    _created()(theatre)
    theatre.live().update(copy.deepcopy(_FOUND))


def _removed_by_hand(theatre: Theatre) -> None:
    _created()(theatre)
    del theatre.iot.cas[theatre.id_of()]


def _changed_by_hand(theatre: Theatre) -> None:
    _created(tags={"team": "a"})(theatre)
    theatre.live().update(status="INACTIVE", auto="DISABLE", config={"templateName": "theirs"})
    theatre.live()["tags"]["team"] = "b"


def _orphaned(theatre: Theatre) -> None:
    """An earlier Create of ours took effect, and its answer was lost."""
    _created()(theatre)
    theatre.resource.properties = None


def _made_up_id(theatre: Theatre) -> None:
    _created()(theatre)
    theatre.resource.physical_id = "FleetCa-dev-Ca-1ABCDEFGHIJKL"


def _taken_over(theatre: Theatre) -> None:
    """Somebody put tags of their own in the place of ours."""
    _created()(theatre)
    theatre.live()["tags"] = dict(FOREIGN)


def _other_default(theatre: Theatre) -> None:
    theatre.aws.at(OTHER, REGION).cas.clear()
    theatre.register("Scene CA", account=OTHER, mode="DEFAULT")


def _created_where_another_holds_default(theatre: Theatre) -> None:
    _created()(theatre)
    _other_default(theatre)


def _changed_code(theatre: Theatre) -> None:
    """The registration code changes between the two calls: once."""
    iot = theatre.iot
    ask = iot._get_registration_code
    old = iot.registration_code

    def once() -> dict[str, str]:
        iot._get_registration_code = ask  # type: ignore[method-assign]
        iot.change_registration_code()
        return {"registrationCode": old}

    iot._get_registration_code = once  # type: ignore[method-assign]


def _ten_of_a_subject(theatre: Theatre) -> None:
    for number in range(10):
        ca = make_ca("ec-p256", common_name="Scene CA", key_name=f"key {number}")
        theatre.register("Scene CA")
        held = theatre.iot.cas.pop(theatre.id_of())
        theatre.iot.cas[ca.certificate_id] = {**held, "pem": ca.pem}


_FOREIGN_STACK = {ownership.STACK_ID: STACK, ownership.LOGICAL_ID: "Ca"}
#: How somebody else has it, and how it is adopted: with a template whose role is named, and tags of the same name.
_FOUND: dict[str, Any] = {
    "status": "INACTIVE",
    "auto": "ENABLE",
    "config": {"templateName": "theirs"},
    "tags": {**FOREIGN, "team": "a"},
}
_ADOPT: dict[str, Any] = {
    "on_existing": OnExisting.ADOPT,
    "adopt_from_stack": "Older",
    "adopt_template_role_arn": THEIR_ROLE,
    "tags": {"team": "a", "more": "1"},
}
_CHANGED: dict[str, Any] = {
    "active": False,
    "auto_registration": False,
    "template_name": "other",
    "tags": {"team": "b", "new": "1"},
}


def _ask(name: str = "Scene CA", **settings: Any) -> Callable[[], dict[str, Any]]:
    return lambda: properties(name, **settings)


SCENES = [
    Scene("Create SNI_ONLY", "Create"),
    Scene("Create DEFAULT by a secret", "Create", _ask(**default()), proof="SECRET"),
    Scene("Create DEFAULT by a KMS key", "Create", _ask(**default("KMS_KEY")), proof="KMS_KEY"),
    Scene("Create DEFAULT by a private CA", "Create", _ask(**default("PRIVATE_CA")), proof="PRIVATE_CA"),
    Scene("Create DEFAULT, pre-issued", "Create", _ask(**default("PRE_ISSUED")), proof="PRE_ISSUED"),
    Scene("Create what a lost Create of ours registered", "Create", prepare=_orphaned, orphan=True),
    Scene(
        "Create, with other settings than a lost one",
        "Create",
        _ask(**_CHANGED),
        prepare=_orphaned,
        orphan=True,
    ),
    Scene("Create what is foreign", "Create", prepare=_registered(), fails="by no stack of this library"),
    Scene(
        "Create what another stack has",
        "Create",
        _ask(on_existing=OnExisting.ADOPT),
        prepare=_registered(tags=_FOREIGN_STACK),
        fails="adopt_from_stack",
    ),
    Scene(
        "Create by adoption",
        "Create",
        _ask(on_existing=OnExisting.ADOPT),
        prepare=_registered(),
    ),
    Scene(
        "Create by adoption, of what has a template", "Create", _ask(**_ADOPT), prepare=_registered(**_FOUND)
    ),
    Scene(
        "Create by adoption, and no role is named",
        "Create",
        _ask(on_existing=OnExisting.ADOPT),
        prepare=_registered(**_FOUND),
        fails="adopt_template_role_arn",
    ),
    Scene("Create by adoption from a stack", "Create", _ask(**_ADOPT), prepare=_of_a_stack),
    Scene("Create by adoption, undone", "Create", _ask(**_ADOPT), prepare=_of_a_stack, in_vain=True),
    Scene(
        "Create by adoption, of another mode",
        "Create",
        _ask(on_existing=OnExisting.ADOPT),
        prepare=_registered(mode="DEFAULT"),
        fails="SNI_ONLY",
    ),
    Scene("Create what a stack of the name has left", "Create", prepare=_left("FleetCa-dev")),
    Scene(
        "Create what a stack of the name has left, undone",
        "Create",
        prepare=_left("FleetCa-dev"),
        in_vain=True,
    ),
    Scene("Create what a stack of another name has left", "Create", _ask(**_ADOPT), prepare=_left("Older")),
    Scene(
        "Create what a stack has left, of another mode",
        "Create",
        prepare=_left("FleetCa-dev", "DEFAULT"),
        fails="in a deployment of its own",
    ),
    Scene(
        "Create DEFAULT that another account holds",
        "Create",
        _ask(**default()),
        prepare=_other_default,
        fails="another account",
        proof="SECRET",
    ),
    Scene(
        "Create DEFAULT, the code changes", "Create", _ask(**default()), prepare=_changed_code, proof="SECRET"
    ),
    Scene(
        "Create the eleventh CA of a subject",
        "Create",
        prepare=_ten_of_a_subject,
        fails="at most 10 CAs of one subject",
    ),
    Scene("Update without difference", "Update", prepare=_created()),
    Scene("Update in place", "Update", _ask(**_CHANGED), prepare=_created(tags={"old": "1", "team": "a"})),
    Scene("Update that takes the template off", "Update", _ask(template_name=None), prepare=_created()),
    Scene(
        "Update that takes template and auto-registration off",
        "Update",
        _ask(template_name=None, auto_registration=False),
        prepare=_created(),
    ),
    Scene(
        "Update of what was changed by hand",
        "Update",
        _ask(tags={"team": "a"}),
        prepare=_changed_by_hand,
        drifted=True,
    ),
    Scene("Update of what was removed by hand", "Update", prepare=_removed_by_hand, drifted=True),
    Scene(
        "Update of what is not ours any more",
        "Update",
        _ask(active=False),
        prepare=_taken_over,
        fails="no longer carries this resource's tags",
    ),
    Scene("Update that adopts", "Update", _ask(**_ADOPT), prepare=_taken_by_hand),
    Scene("Update that adopts, undone", "Update", _ask(**_ADOPT), prepare=_taken_by_hand, in_vain=True),
    Scene(
        "Update of what was adopted from us and left",
        "Update",
        _ask(on_existing=OnExisting.ADOPT, adopt_from_stack="Older", active=False),
        prepare=_adopted_from_us,
        reclaims=True,
    ),
    Scene(
        "Update of an adopted one",
        "Update",
        _ask(**{**_ADOPT, "active": False, "template_name": "other", "tags": {"new": "1"}}),
        prepare=_adopted,
    ),
    Scene(
        "Update to DEFAULT, not allowed",
        "Update",
        _ask(**default()),
        prepare=_created(),
        fails="allow_mode_change=True",
        proof="SECRET",
    ),
    Scene(
        "Update to DEFAULT",
        "Update",
        _ask(allow_mode_change=True, **default()),
        prepare=_created(tags={"team": "a"}),
        proof="SECRET",
    ),
    Scene(
        "Update to SNI_ONLY",
        "Update",
        _ask(allow_mode_change=True),
        prepare=_created(**default()),
        proof="SECRET",
    ),
    Scene(
        "Update to DEFAULT that another account holds",
        "Update",
        _ask(allow_mode_change=True, **default()),
        prepare=_created_where_another_holds_default,
        fails="another account",
        proof="SECRET",
    ),
    Scene("Update to another CA", "Update", _ask("Next CA"), prepare=_created()),
    Scene("Delete", "Delete", prepare=_created()),
    Scene("Delete of an inactive one", "Delete", prepare=_created(active=False)),
    Scene("Delete of a DEFAULT one", "Delete", prepare=_created(**default()), proof="SECRET"),
    Scene("Delete with a made-up id", "Delete", prepare=_made_up_id),
    Scene("Delete of what is gone", "Delete", prepare=_removed_by_hand),
    Scene("Delete of what is not ours any more", "Delete", prepare=_taken_over),
    Scene("Delete of an adopted one", "Delete", prepare=_adopted),
    Scene("Delete of one adopted from a stack", "Delete", prepare=_adopted_of_a_stack),
    Scene("Delete of what was taken up", "Delete", prepare=_taken_up),
]
#: AWS where what no document says is otherwise than this library guesses.
UNDOCUMENTED = {
    "ids are not digests": {"digest_ids": False},
    "removeAutoRegistration leaves it on": {"keeps_auto_registration": True},
}


def in_other_worlds(scene: Scene) -> list[Scene]:
    """The scene, and the same where AWS is otherwise."""
    worlds: dict[str, dict[str, Any]] = dict(UNDOCUMENTED)
    if "another account" in scene.fails:
        worlds["a second owner's request is invalid"] = {"second_default": "InvalidRequestException"}
    others = [replace(scene, name=f"{scene.name}; {name}", aws=how) for name, how in worlds.items()]
    return [scene, *others]
