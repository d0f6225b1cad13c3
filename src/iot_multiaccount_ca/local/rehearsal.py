"""A rehearsal: apps deployed to a local AWS by the real CDK CLI, one after the other, and a device that moves through.

One object, whose steps the command line calls in order and shows. Takes the plan from the cloud assembly alone.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from .activation import make_list, put_on_list
from .invented import InventedOrganization, newcomer, places_of, registrations
from .inventory import STACK, Found, inventory, retained
from .key_ring import KeyRing, place_of
from .rehearsed_app import open_app
from .stacks import qualifiers, stack_templates
from .stage_check import Row, check_left, check_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..fleet.planned_sets import PlannedSet
    from ..model.assembly import RegistrationRecord
    from .cdk import Cdk
    from .device import DeviceCertificate
    from .device_command import DeviceCommand
    from .emulator import LocalAws
    from .key_ring import CaKey
    from .rehearsed_app import RehearsedApp


class Leftovers(NamedTuple):
    """What is there after the stacks are gone: what should not be, and what a removal policy keeps."""

    unplanned: list[Found]
    kept: list[Found]


class Rehearsal:
    """The steps, each to be called once an app, in the order in which they stand here; `destroy` comes once.

    ``ca_keys``: the keys of the plan's CAs, as far as there are any. ``own_devices``: of the user's, in place of one
    that is made for each CA. ``with_device=False``: deploy and describe only. ``device_command``: what connects in
    place of the rehearsal's own device. ``wanted``, ``unwanted``: patterns of the stacks to take and to leave out.
    ``say`` is told what goes on, line by line.
    """

    def __init__(
        self,
        aws: LocalAws,
        folder: Path,
        *,
        ca_keys: Sequence[CaKey] = (),
        own_devices: Sequence[DeviceCertificate] = (),
        device_key_type: str = "ec-p256",
        with_device: bool = True,
        device_command: DeviceCommand | None = None,
        wanted: Sequence[str] = (),
        unwanted: Sequence[str] = (),
        concurrency: int = 3,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._aws, self._folder, self._concurrency = aws, folder, concurrency
        self._wanted, self._unwanted, self._device_command = wanted, unwanted, device_command
        self.keys = KeyRing(
            ca_keys, own_devices=own_devices, key_type=device_key_type, with_device=with_device
        )
        self._say = say or (lambda _: None)
        self._apps: list[RehearsedApp] = []
        self._bootstrapped: set[tuple[str, str, str]] = set()
        self._trusted: str | None = None
        self._before: set[Found] = set()
        self._let_in: set[tuple[str, str, str]] = set()

    @property
    def app(self) -> RehearsedApp:
        """The app that was synthesized last."""
        return self._apps[-1]

    @property
    def records(self) -> list[RegistrationRecord]:
        """What that app registers; nothing before there is one."""
        return self._apps[-1].records if self._apps else []

    def synthesize(self, app: str | None = None, *, is_last: bool = True) -> None:
        """Synthesize an app and read its plan: a cloud assembly's folder, a command, or None for that of cdk.json.

        ``is_last``: no other one is deployed over it.
        Raises `RehearsalError` for a plan that cannot be rehearsed.
        """
        opened = open_app(
            self._aws,
            self._folder,
            app,
            number=len(self._apps) + 1,
            wanted=self._wanted,
            unwanted=self._unwanted,
            bootstrap=self._bootstrap,
            say=self._say,
        )
        self.keys.check(opened, self.records, is_last=is_last)
        self._apps.append(opened)

    def bootstrap(self) -> None:
        """Bootstrap every environment, the first account trusted by the others."""
        app = self.app
        self._trusted = self._trusted or app.first.account
        self._bootstrap(app.cdk, app.environments, qualifiers(app.assembly))
        for planned in app.sets:
            InventedOrganization(self._aws, planned).make()

    def put_keys(self) -> int:
        """Put the CA keys into the secrets that the plan names; how many."""
        secrets: dict[tuple[str, str, str], dict[str | None, str]] = {}
        for record in self.records:
            proof = record.verification
            if proof is not None:
                place = (record.account, record.region, proof["secretId"])
                secrets.setdefault(place, {})[proof.get("field")] = self.keys.key_pem(self.app, record)
        for (account, region, name), fields in secrets.items():
            content = fields.get(None) or json.dumps(fields)
            client = self._aws.client("secretsmanager", account=account, region=region)
            try:
                client.create_secret(Name=name, SecretString=content)
            except client.exceptions.ResourceExistsException:
                client.put_secret_value(SecretId=name, SecretString=content)
        return len(secrets)

    def deploy(self) -> None:
        """`cdk deploy` of every stack."""
        if len(self._apps) == 1:
            self._before = inventory(self._aws, self._places([self.app]))
        self.app.deploy(self._concurrency)

    def put_on_lists(self) -> int:
        """Put the devices on the allow-lists of stages under just-in-time registration; on how many.

        A list that the app does not make is made, so that whoever comes is told that it is not on it.
        """
        put = 0
        for record in self.records:
            device = self.keys.device_of(self.app, record)
            if device is None:
                make_list(self._aws, record)
            elif self._visit(record, device) not in self._let_in:
                put += put_on_list(self._aws, record, device)
        return put

    def check(self) -> Iterator[Row]:
        """Describe each registration, and let its CA's device connect there, one stage after the other."""
        for record in self.records:
            self._say(place_of(record))
            device = self.keys.device_of(self.app, record)
            known = device is not None and self._visit(record, device) in self._let_in
            row = check_stage(self._aws, record, device, known=known, command=self._device_command)
            if device is not None and row.let_in:
                self._let_in.add(self._visit(record, device))
            yield row
        for planned in self.app.sets:
            yield from self._come_and_go(planned)

    def _come_and_go(self, planned: PlannedSet) -> Iterator[Row]:
        """An account joins the organization, a device comes there, and the account leaves."""
        account = newcomer(planned)
        if account is None:
            return
        organization = InventedOrganization(self._aws, planned)
        organization.join(account)
        organization.settle()
        records = [
            replace(each, stage=f"{planned.record.name}: joined") for each in registrations(planned, account)
        ]
        for record in records:
            self._say(place_of(record))
            device = self.keys.device_of(self.app, record)
            row = check_stage(self._aws, record, device, command=self._device_command)
            yield row
        organization.leave(account)
        organization.settle()
        for record in records:
            yield check_left(
                self._aws,
                replace(record, stage=f"{planned.record.name}: left"),
                stays=planned.record.retains and not record.retiring,
            )

    def destroy(self) -> Leftovers:
        """`cdk destroy` of every stack of every app; what is left of them."""
        gone: list[tuple[str, ...]] = []
        for app in reversed(self._apps):
            app.destroy(self._concurrency, but=gone)
            gone += app.places
        left = sorted(inventory(self._aws, self._places(self._apps)) - self._before)
        keeps = set().union(*(retained(self._templates(app)) | self._kept_stacks(app) for app in self._apps))
        return Leftovers(
            [each for each in left if each.place not in keeps], [each for each in left if each.place in keeps]
        )

    @staticmethod
    def _places(apps: Sequence[RehearsedApp]) -> list[tuple[str, str]]:
        """Every account and region that these apps deploy to, those of their sets too."""
        found = dict.fromkeys(place for app in apps for place in app.environments)
        found |= dict.fromkeys(place for app in apps for each in app.sets for place in places_of(each))
        return list(found)

    @staticmethod
    def _templates(app: RehearsedApp) -> list[tuple[str, str, Mapping[str, Any]]]:
        in_sets = [(*place, json.loads(each.body)) for each in app.sets for place in places_of(each)]
        return [*stack_templates(app.assembly, app.stacks), *in_sets]

    @staticmethod
    def _kept_stacks(app: RehearsedApp) -> set[tuple[str, str, str]]:
        """Where an account that left a set keeps its stack."""
        leaving = [(each, newcomer(each)) for each in app.sets if each.record.retains]
        return {
            (account, region, STACK)
            for each, account in leaving
            if account is not None
            for region in each.record.regions
        }

    def stop(self) -> None:
        """End what runs of the CDK CLI."""
        for app in self._apps:
            app.cdk.stop()

    def _bootstrap(self, cdk: Cdk, places: list[tuple[str, str]], of: list[str]) -> None:
        self._trusted = self._trusted or places[0][0]
        for qualifier in of:
            new = [place for place in places if (*place, qualifier) not in self._bootstrapped]
            if new:
                cdk.bootstrap(new, trusted=self._trusted, qualifier=qualifier)
                self._bootstrapped |= {(*place, qualifier) for place in new}

    def _visit(self, record: RegistrationRecord, device: DeviceCertificate) -> tuple[str, str, str]:
        return record.account, record.region, device.certificate_id
