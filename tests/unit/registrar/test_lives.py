"""Several accounts and regions, and whatever may happen in them in any order: drawn by Hypothesis.

After every step: one DEFAULT owner a region at most; nothing of anyone else's changed; after a success, what is
registered is what the properties ask for; after a failure it is as before, and the reason says what happened and where.
"""

from __future__ import annotations

import copy
import functools
import itertools
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
from support.fakes.aws_iot import AwsIot
from support.fakes.cloudformation import Resource
from support.fakes.faults import (
    Endpoint,
    Fault,
    Kind,
    Script,
)
from support.fakes.wire import FakeClients
from support.figures import FIGURES
from support.scenes import authority, is_as_asked, properties

if TYPE_CHECKING:
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
        "tags": st.sampled_from([{}, {"team": "a"}, {"team": "b", "more": "1"}]),
    }
)


class _Wires:
    """The clients of one stack in one place; made once, since they are costly, and led to another AWS each time."""

    def __init__(self, region: str) -> None:
        self.script = Script()
        self.endpoint = Endpoint("iot", self.script)
        self.clients = FakeClients(self.endpoint, home=region)


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

    @initialize(digest_ids=st.booleans(), keeps=st.booleans())
    def begin(self, digest_ids: bool, keeps: bool) -> None:
        """AWS is one way or the other where no document says which."""
        self.aws = AwsIot(digest_ids=digest_ids, keeps_auto_registration=keeps)
        self.resources: dict[tuple[str, str, str], Resource] = {}
        # Registrations that somebody changed or took since their stack was last deployed.
        self.disturbed: set[tuple[str, str, str]] = set()
        for (account, region), stack in itertools.product(PLACES, STACKS):
            wires = _wires(account, region, stack)
            wires.endpoint.target = self.aws.at(account, region)
            self.resources[account, region, stack] = Resource(
                account, region, wires.clients, wires.script, stack=stack
            )

    # --- what teams deploy -----------------------------------------------------------------------------------

    @rule(place=places, stack=stacks, ca=cas, wish=wishes, fault=faults, twice=st.booleans())
    def deploy(
        self,
        place: tuple[str, str],
        stack: str,
        ca: str,
        wish: dict[str, Any],
        fault: Fault | None,
        twice: bool,
    ) -> None:
        """Create, or update, with another CA sometimes: whatever is there."""
        resource = self.resources[*place, stack]
        if resource.stuck is not None:
            return
        asked = self._asked(place, ca, wish)
        before, former = self.aws.snapshot(), resource.properties
        if former is None:
            resource.create(asked, fault, twice=twice)
        else:
            resource.update(asked, fault, twice=twice)
        self._check(resource, asked, former, before)

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
        told = [former] if former else []
        resource.stuck()
        self._others_untouched(resource, before, told)
        self._adopted_from(resource, before)
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
                "auto": "DISABLE",
                "config": None,
                "tags": {"theirs": "x"},
            }

    @rule(place=places, ca=cas)
    def somebody_removes(self, place: tuple[str, str], ca: str) -> None:
        """Whosever it is."""
        iot = self.aws.at(*place)
        removed = iot.cas.pop(self.aws.id_of(authority(ca).certificate_id, place[0]), None)
        self._disturb(place, removed)

    @rule(place=places, ca=cas)
    def somebody_changes(self, place: tuple[str, str], ca: str) -> None:
        """Its status and its template, whosever it is."""
        held = self.aws.at(*place).cas.get(self.aws.id_of(authority(ca).certificate_id, place[0]))
        if held is not None:
            held.update(status="INACTIVE", config={"templateName": "theirs"})
            self._disturb(place, held)

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
        """As its properties ask, unless somebody else was there."""
        type(self).steps += 1
        for key, resource in self.resources.items():
            if resource.properties is not None and resource.stuck is None and key not in self.disturbed:
                live = self._live(resource, resource.properties)
                assert live is not None, key
                assert is_as_asked(live, resource.properties), key

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
        self._adopted_from(resource, before)
        failed = next((each for each in resource.answers if each.answer and not each.succeeded), None)
        resource.answers.clear()
        if failed is not None:
            assert resource.account in failed.reason
            assert resource.region in failed.reason
        if asked is not None and resource.properties is not None and resource.stuck is None:
            # Also when it was rolled back: what the old properties say is in force, whatever somebody did before.
            self.disturbed.discard(self._key(resource))
        if resource.properties is None and resource.stuck is None:
            assert not list(self._owned(resource))

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
                    # It may have been adopted: then it is still there, in its mode, whatever came of it.
                    assert any(each["OnExisting"] == "ADOPT" for each in told)
                    assert new is not None
                    assert (old["pem"], old["mode"]) == (new["pem"], new["mode"])

    def _adopted_from(self, resource: Resource, before: dict[Any, Any]) -> None:
        """Another stack's registration may have been adopted from it: its own properties no longer speak for it."""
        was, now = (world.get(self._key(resource)[:2], {}) for world in (before, self.aws.snapshot()))
        for key, other in self.resources.items():
            if key[:2] == self._key(resource)[:2] and other is not resource and other.properties is not None:
                pem = other.properties["CaCertificatePem"]
                if [ca for ca in was.values() if ca["pem"] == pem] != [
                    ca for ca in now.values() if ca["pem"] == pem
                ]:
                    self.disturbed.add(key)

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

    def _owned(self, resource: Resource) -> Any:
        here = self.aws.at(resource.account, resource.region)
        return (key for key, ca in here.cas.items() if self._ours(resource, ca))

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
    assert sum(count for name, count in Lives.events.items() if "no answer" in name) >= 10
