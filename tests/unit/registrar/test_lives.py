"""Several accounts and regions, and whatever may happen in them in any order: drawn by Hypothesis.

After every step: one DEFAULT owner a region at most; nothing of anyone else's changed or, once nobody holds it, other
than its owner made it; after a success, what is registered is what the properties ask for; after a failure it is as
before, and the reason says what happened and where. At the end every stack is updated once more and destroyed.
"""

from __future__ import annotations

import copy
import functools
import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ca_registrar import ownership
from iot_multiaccount_ca.model.ca.certificate import CertificateMode
from iot_multiaccount_ca.model.options import OnExisting
from support.certificates import make_verification_certificate
from support.fakes.aws_iot import SECOND_DEFAULT_ERRORS, AwsIot, FakeIot
from support.fakes.cloudformation import Resource
from support.fakes.faults import (
    Endpoint,
    Fault,
    Kind,
    Script,
)
from support.fakes.stacks import FakeStacks
from support.fakes.wire import FakeClients, Refusal
from support.figures import FIGURES
from support.scenes import THEIR_ROLE, authority, is_as_asked, properties

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

PLACES = tuple(
    itertools.product(("111111111111", "222222222222", "333333333333"), ("eu-west-1", "us-east-1"))
)
STACKS = ("Fleet", "Other")
CAS = ("Scene CA", "Next CA", "Third CA")
STEPS = 10_000 if settings.get_current_profile_name() == "nightly" else 1_000
_CODES = (
    "ThrottlingException",
    "InternalFailureException",
    "InvalidRequestException",
    "AccessDeniedException",
)

# Some places and CAs come up more often than others, so that histories meet.
places = st.sampled_from([*PLACES, *PLACES[:1] * 6, *PLACES[2:3] * 4])
vains = st.sampled_from([False, False, False, True])
stacks, cas = st.sampled_from([*STACKS, STACKS[0]]), st.sampled_from([*CAS, *CAS[:1] * 3])
faults = st.none() | st.builds(
    Fault, call=st.integers(0, 7), kind=st.sampled_from(Kind), code=st.sampled_from(_CODES)
)
wishes = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(CertificateMode),
        "active": st.sampled_from([True, True, False]),
        "auto_registration": st.booleans(),
        "template_name": st.sampled_from([None, "fleet", "other"]),
        "allow_mode_change": st.sampled_from([True, True, False]),
        "on_existing": st.sampled_from(OnExisting),
        "adopt_from_stack": st.sampled_from([None, *STACKS]),
        "adopt_template_role_arn": st.sampled_from([None, THEIR_ROLE]),
        "tags": st.sampled_from([{}, {"team": "a"}, {"team": "b", "more": "1"}]),
    }
)


class _Wires:
    """The clients of one stack in one place; made once, since they are costly, and led to another AWS each time."""

    def __init__(self, region: str) -> None:
        self.script = Script()
        self.iot, self.cloudformation = (
            Endpoint(service, self.script) for service in ("iot", "cloudformation")
        )
        self.clients = FakeClients(self.iot, self.cloudformation, home=region)


class _PassesRoles:
    """AWS IoT as one stack's registrar meets it: another's template is given to a CA by who may pass its role."""

    service = "iot"

    def __init__(self, iot: FakeIot, resource: Resource) -> None:
        self._iot, self._resource = iot, resource

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        given = (parameters.get("registrationConfig") or {}).get("templateName")
        if given == "theirs" and "AdoptTemplateRoleArn" not in self._resource.asking:
            raise Refusal("AccessDeniedException", "not authorized to perform: iam:PassRole", 403)
        return self._iot.answer(operation, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iot, name)


@functools.cache
def _wires(account: str, region: str, stack: str) -> _Wires:
    return _Wires(region)


@functools.cache
def _proof(name: str, code: str) -> dict[str, str]:
    pem = make_verification_certificate(authority(name), code)
    return {"Type": "PRE_ISSUED", "CertificatePem": pem, "RegistrationCode": code}


class Lives(RuleBasedStateMachine):
    """What teams, CloudFormation, other people and chance do to the registrations of three CAs."""

    steps = 0
    events: ClassVar[Counter[str]] = Counter()

    @initialize(
        digest_ids=st.booleans(), keeps=st.booleans(), second=st.sampled_from(SECOND_DEFAULT_ERRORS[:2])
    )
    def begin(self, digest_ids: bool, keeps: bool, second: str) -> None:
        """AWS is one way or the other where no document says which."""
        self.aws = AwsIot(digest_ids=digest_ids, keeps_auto_registration=keeps, second_default=second)
        self.resources: dict[tuple[str, str, str], Resource] = {}
        # Registrations that somebody changed or took since their stack was last deployed.
        self.disturbed: set[tuple[str, str, str]] = set()
        # What others registered by hand, as they made it.
        self.by_hand: dict[tuple[str, str, str], dict[str, Any]] = {}
        # What was last asked of a stack, and what its Create asked.
        self.asked: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.created: dict[tuple[str, str, str], dict[str, Any]] = {}
        stacks_at = {place: FakeStacks() for place in PLACES}
        for (account, region), stack in itertools.product(PLACES, STACKS):
            wires = _wires(account, region, stack)
            resource = Resource(
                account, region, wires.clients, wires.script, stack=stack, stacks=stacks_at[account, region]
            )
            wires.iot.target = _PassesRoles(self.aws.at(account, region), resource)
            wires.cloudformation.target = stacks_at[account, region]
            self.resources[account, region, stack] = resource

    # --- what teams deploy -----------------------------------------------------------------------------------

    @rule(place=places, stack=stacks, ca=cas, wish=wishes, fault=faults, twice=st.booleans(), vain=vains)
    def deploy(
        self,
        place: tuple[str, str],
        stack: str,
        ca: str,
        wish: dict[str, Any],
        fault: Fault | None,
        twice: bool,
        vain: bool,
    ) -> None:
        """Create, or update, with another CA sometimes: whatever is there. In vain: something else fails after it."""
        resource = self.resources[*place, stack]
        if resource.stuck is not None:
            return
        asked = self._asked(place, ca, wish)
        before, former = self.aws.snapshot(), resource.properties
        self.asked[self._key(resource)] = asked
        if former is None:
            (resource.create_in_vain if vain else resource.create)(asked, fault, twice=twice)
            self.created[self._key(resource)] = asked
        else:
            (resource.update_in_vain if vain else resource.update)(asked, fault, twice=twice)
        self._check(resource, asked, former, before)

    @rule(place=places, stack=stacks, ca=cas, wish=wishes)
    def deploy_as_the_errors_say(
        self, place: tuple[str, str], stack: str, ca: str, wish: dict[str, Any]
    ) -> None:
        """Whatever an error advises is done, until it is deployed: no advice leads nowhere."""
        resource = self.resources[*place, stack]
        if resource.stuck is not None or resource.properties is not None:
            return
        wish, said = dict(wish), []
        for _ in range(8):
            before, asked = self.aws.snapshot(), self._asked(place, ca, wish)
            done = resource.create(asked)
            reason = next((each.reason for each in resource.answers if each.reason), "")
            self.asked[self._key(resource)] = self.created[self._key(resource)] = asked
            self._check(resource, asked, None, before)
            if done or resource.stuck is not None:
                return
            said.append(reason)
            if not self._follow(resource, wish, reason):
                return
        raise AssertionError(said)

    def _follow(self, resource: Resource, wish: dict[str, Any], reason: str) -> bool:
        """Do what the error advises; whether there is anything that this stack can do."""
        stack = re.search(r'adopt_from_stack="(\w+)"', reason)
        renamed = re.search(r'override_logical_id\("(\w+)"\)', reason)
        mode = re.search(r"certificate_mode=(\w+)", reason)
        adopter = re.search(r"adopted already|it was adopted by stack (\w+)", reason)
        if "deploy again" in reason and adopter and adopter[1]:
            other = self.resources[resource.account, resource.region, adopter[1]]
            if other.stuck is not None or other.properties is None:
                return False
            assert other.delete(), [each.reason for each in other.answers]
            other.answers.clear()
        elif stack:
            wish.update(on_existing=OnExisting.ADOPT, adopt_from_stack=stack[1])
        elif renamed:
            resource.logical_id = renamed[1]
        elif "OnExisting.ADOPT" in reason:
            wish.update(on_existing=OnExisting.ADOPT)
        elif mode:
            wish.update(mode=CertificateMode(mode[1]))
        elif "name the role with adopt_template_role_arn" in reason:
            wish.update(adopt_template_role_arn=THEIR_ROLE)
        elif "take the tag out of the app" in reason:
            wish.update(tags={})
        else:
            # Another account's, or another person's, to mend.
            assert "another account" in reason or "RegistrationCodeValidation" in reason, reason
            return False
        return True

    @precondition(lambda self: self.which(deployed=True))
    @rule(data=st.data())
    def the_stack_goes_and_leaves_it(self, data: st.DataObject) -> None:
        """RemovalPolicy.RETAIN; the resource may have another name when the stack comes again."""
        resource = self.resources[data.draw(st.sampled_from(self.which(deployed=True)))]
        resource.die_retained()
        resource.logical_id = data.draw(st.sampled_from(["Ca", "Ca", "Renamed"]))

    @rule(place=places, stack=stacks)
    def a_create_comes_late(self, place: tuple[str, str], stack: str) -> None:
        """A second time, when its stack is gone already."""
        resource = self.resources[*place, stack]
        asked = self.created.get(self._key(resource))
        if asked is not None and resource.status == "DELETE_COMPLETE" and resource.properties is None:
            before = self.aws.snapshot()
            resource.deliver_late(asked)
            self._others_untouched(resource, before, [asked])

    @precondition(lambda self: self.which(deployed=True))
    @rule(data=st.data(), fault=faults, twice=st.booleans())
    def destroy(self, data: st.DataObject, fault: Fault | None, twice: bool) -> None:
        """The stack goes."""
        resource = self.resources[data.draw(st.sampled_from(self.which(deployed=True)))]
        before, former = self.aws.snapshot(), resource.properties
        resource.delete(fault, twice=twice)
        self._check(resource, None, former, before)

    @rule(
        region=st.sampled_from(["eu-west-1", "us-east-1"]), giver=st.integers(0, 2), taker=st.integers(0, 2)
    )
    def hand_over(self, region: str, giver: int, taker: int) -> None:
        """DEFAULT goes from one account to another, as one deployment does it: first the giving, then the taking."""
        accounts = [account for account, there in PLACES if there == region]
        gives, takes = (self.resources[accounts[each], region, STACKS[0]] for each in (giver, taker))
        settled = giver != taker and not gives.stuck and not takes.stuck
        if not settled or gives.properties is None or takes.properties is None:
            return
        name = self._name_of(gives.properties)
        if name != self._name_of(takes.properties):
            return
        for resource, mode in ((gives, CertificateMode.SNI_ONLY), (takes, CertificateMode.DEFAULT)):
            wish = {"mode": mode, "allow_mode_change": True, "on_existing": OnExisting.FAIL}
            asked = self._asked((resource.account, region), name, wish)
            before, former = self.aws.snapshot(), resource.properties
            handed = resource.update(asked)
            self._check(resource, asked, former, before)
            if not handed:
                return

    @precondition(lambda self: self.which(stuck=True))
    @rule(data=st.data())
    def try_again(self, data: st.DataObject) -> None:
        """A stack that is stuck: its roll-back or its deletion is asked for once more."""
        resource = self.resources[data.draw(st.sampled_from(self.which(stuck=True)))]
        assert resource.stuck is not None
        before, former = self.aws.snapshot(), resource.properties
        resource.answers.clear()
        told = [each for each in (former, self.asked.get(self._key(resource))) if each]
        resource.stuck()
        self._others_untouched(resource, before, told)
        if resource.stuck is None and resource.properties is not None:
            self.disturbed.discard(self._key(resource))

    # --- what others do --------------------------------------------------------------------------------------

    @rule(place=places, ca=cas, active=st.booleans())
    def somebody_registers(self, place: tuple[str, str], ca: str, active: bool) -> None:
        """By hand, in SNI_ONLY mode: nobody needs a key for that."""
        iot, digest = self.aws.at(*place), authority(ca).certificate_id
        key = self.aws.id_of(digest, place[0])
        if key not in iot.cas:
            iot.cas[key] = {
                "pem": authority(ca).pem,
                "mode": "SNI_ONLY",
                "status": "ACTIVE" if active else "INACTIVE",
                "auto": "DISABLE" if active else "ENABLE",
                "config": None if active else {"templateName": "theirs"},
                "tags": {"theirs": "x", "team": "a"},
            }
            self.by_hand[*place, key] = copy.deepcopy(iot.cas[key])

    @rule(place=places, ca=cas)
    def somebody_removes(self, place: tuple[str, str], ca: str) -> None:
        """Whosever it is."""
        iot, key = self.aws.at(*place), self.aws.id_of(authority(ca).certificate_id, place[0])
        self.by_hand.pop((*place, key), None)
        self._disturb(place, iot.cas.pop(key, None))

    @rule(place=places, ca=cas)
    def somebody_changes(self, place: tuple[str, str], ca: str) -> None:
        """Its status and its template, whosever it is; of what is adopted that is undone with the adoption."""
        key = self.aws.id_of(authority(ca).certificate_id, place[0])
        held = self.aws.at(*place).cas.get(key)
        if held is not None:
            held.update(status="INACTIVE", config={"templateName": "theirs"})
            self._disturb(place, held)
            if (*place, key) in self.by_hand and ownership.STACK_ID not in held["tags"]:
                self.by_hand[*place, key] = copy.deepcopy(held)

    @rule(place=places, ca=cas)
    def somebody_tags(self, place: tuple[str, str], ca: str) -> None:
        """It is their tag, whosever the registration is, and stays."""
        key = self.aws.id_of(authority(ca).certificate_id, place[0])
        held = self.aws.at(*place).cas.get(key)
        if held is not None:
            for each in filter(None, (held, self.by_hand.get((*place, key)))):
                each["tags"]["seen"] = "1"

    @rule(place=places)
    def somebody_changes_the_registration_code(self, place: tuple[str, str]) -> None:
        """What was signed for the old one proves nothing any more."""
        self.aws.at(*place).change_registration_code()

    # --- what must hold --------------------------------------------------------------------------------------

    @precondition(lambda self: hasattr(self, "aws"))
    @invariant()
    def one_default_owner_a_region(self) -> None:
        """Of each CA."""
        for ca, region in itertools.product(CAS, ("eu-west-1", "us-east-1")):
            self.aws.default_owner(authority(ca).certificate_id, region)

    @precondition(lambda self: hasattr(self, "aws"))
    @invariant()
    def what_is_deployed_is_registered(self) -> None:
        """As its properties ask, unless somebody else was there, or another stack has adopted it."""
        type(self).steps += 1
        for key, resource in self.resources.items():
            if resource.properties is not None and resource.stuck is None and key not in self.disturbed:
                live = self._live(resource, resource.properties)
                assert live is not None, key
                if self._ours(resource, live):
                    assert is_as_asked(live, resource.properties), key

    @precondition(lambda self: hasattr(self, "aws"))
    @invariant()
    def what_others_made_is_theirs(self) -> None:
        """Never deregistered; and as they made it wherever no stack holds it."""
        for (account, region, key), made in self.by_hand.items():
            live = self.aws.at(account, region).cas.get(key)
            assert live is not None, key
            if ownership.STACK_ID not in live["tags"]:
                assert live == made, key

    def teardown(self) -> None:
        """Every stack that is still deployed can be updated, and destroyed; and then nothing of it is left."""
        for resource in getattr(self, "resources", {}).values():
            resource.answers.clear()
            for _ in range(2):
                if resource.stuck is not None:
                    resource.stuck()
            if resource.stuck is not None:
                # It cannot become what it was: the code of its proof was changed, or another account was quicker.
                reason = resource.answers[-1].reason
                assert "pre-issued" in reason or "another account" in reason, reason
                assert resource.properties is None or resource.delete()
            elif resource.properties is not None:
                self._update_and_destroy(resource)
        self.what_others_made_is_theirs()

    def _update_and_destroy(self, resource: Resource) -> None:
        properties = resource.properties
        assert properties is not None
        live = self._live(resource, properties)
        if live is not None and self._ours(resource, live) and live["mode"] == properties["CertificateMode"]:
            flag = "false" if properties["Active"] == "true" else "true"
            resource.answers.clear()
            assert resource.update({**properties, "Active": flag}), [each.reason for each in resource.answers]
        resource.answers.clear()
        assert resource.delete(), [each.reason for each in resource.answers]
        self._nothing_left(resource, properties)

    def _check(
        self,
        resource: Resource,
        asked: dict[str, Any] | None,
        former: dict[str, Any] | None,
        before: dict[Any, Any],
    ) -> None:
        """After an event: others, the state, and the reason. ``asked``: ``None`` for a Delete."""
        for each in resource.answers:
            type(self).events[
                f"{each.request} {'no answer' if each.answer is None else each.answer['Status']}"
            ] += 1
        self._others_untouched(resource, before, [each for each in (asked, former) if each])
        failed = next((each for each in resource.answers if each.answer and not each.succeeded), None)
        resource.answers.clear()
        if failed is not None:
            assert resource.account in failed.reason
            assert resource.region in failed.reason
        if asked is not None and resource.properties is not None and resource.stuck is None:
            # Also when it was rolled back: what the old properties say is in force, whatever somebody did before.
            self.disturbed.discard(self._key(resource))
            live = self._live(resource, resource.properties)
            if live is not None and not self._ours(resource, live):
                # Another stack's for now: what these properties say takes effect with the next update after it.
                self.disturbed.add(self._key(resource))
        if resource.properties is None and resource.stuck is None:
            self._nothing_left(resource, asked, former)

    def _others_untouched(
        self, resource: Resource, before: dict[Any, Any], told: list[dict[str, Any]]
    ) -> None:
        """Nothing changed but this place's registrations of the CAs in the properties, if ours or to be adopted."""
        here = (resource.account, resource.region)
        after = self.aws.snapshot()
        pems = {each["CaCertificatePem"] for each in told}
        for place in {*before, *after}:
            was, now = before.get(place, {}), after.get(place, {})
            if place != here:
                assert was == now, place
                continue
            for certificate_id in {*was, *now}:
                old, new = was.get(certificate_id), now.get(certificate_id)
                pem = (old or new or {})["pem"]
                if old == new or pem not in pems:
                    assert old == new, certificate_id
                elif old is not None and not self._ours(resource, old):
                    # It may have been taken: then it is still there, in its mode, whatever came of it.
                    gone = (
                        resource.stacks.statuses.get(old["tags"].get(ownership.STACK_ID, ""))
                        == "DELETE_COMPLETE"
                    )
                    assert gone or any(each["OnExisting"] == "ADOPT" for each in told)
                    assert new is not None
                    assert (old["pem"], old["mode"]) == (new["pem"], new["mode"])

    def which(self, *, deployed: bool = False, stuck: bool = False) -> list[tuple[str, str, str]]:
        """The resources that are deployed and in order, or stuck."""
        return [
            key
            for key, each in getattr(self, "resources", {}).items()
            if (stuck and each.stuck is not None)
            or (deployed and each.stuck is None and each.properties is not None)
        ]

    # --- looking ---------------------------------------------------------------------------------------------

    def _asked(self, place: tuple[str, str], ca: str, wish: dict[str, Any]) -> dict[str, Any]:
        proof = None
        if wish["mode"] is CertificateMode.DEFAULT:
            proof = _proof(ca, self.aws.at(*place).registration_code)
        return copy.deepcopy(properties(ca, **wish, verification=proof))

    def _key(self, resource: Resource) -> tuple[str, str, str]:
        return (resource.account, resource.region, resource.stack)

    def _name_of(self, asked: dict[str, Any]) -> str:
        return next(name for name in CAS if authority(name).pem == asked["CaCertificatePem"])

    def _live(self, resource: Resource, asked: dict[str, Any]) -> dict[str, Any] | None:
        digest = authority(self._name_of(asked)).certificate_id
        here = self.aws.at(resource.account, resource.region)
        return here.cas.get(self.aws.id_of(digest, resource.account))

    def _ours(self, resource: Resource, ca: dict[str, Any]) -> bool:
        return bool(ca["tags"].get(ownership.STACK_ID) == resource.stack_id)

    def _nothing_left(self, resource: Resource, *told: dict[str, Any] | None) -> None:
        """Of what the properties named; an adopter may yet give back what was given up while it had it."""
        for each in filter(None, told):
            live = self._live(resource, each)
            assert live is None or not self._ours(resource, live)

    def _disturb(self, place: tuple[str, str], ca: dict[str, Any] | None) -> None:
        if ca is not None:
            self.disturbed |= {key for key in self.resources if key[:2] == place}


def test_in_any_order_of_events_and_faults_the_invariants_hold(pytestconfig: pytest.Config) -> None:
    """At least `STEPS` steps; the same ones every time in `make test`, new ones every night."""
    Lives.steps = 0
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=STEPS // 10,
            stateful_step_count=50,
            database=None,
            print_blob=False,
            # Making a failure small takes minutes; the steps that led to it are printed as they are.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    pytestconfig.stash[FIGURES]["steps of random lives"] += Lives.steps
    pytestconfig.stash[FIGURES]["events in them"] += sum(Lives.events.values())
    assert Lives.steps >= STEPS
    # Not only what is dull: each event succeeded and failed, and some were never answered.
    assert all(
        Lives.events[f"{event} {outcome}"] >= 5
        for event in ("Create", "Update", "Delete")
        for outcome in ("SUCCESS", "FAILED")
    ), Lives.events
    assert sum(count for name, count in Lives.events.items() if "no answer" in name) >= 5
