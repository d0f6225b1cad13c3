"""One app of a rehearsal: its cloud assembly, the stacks of it that are taken, and what they register."""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AssemblyError, RehearsalError
from ..fleet.planned import read_planned
from ..fleet.planned_sets import read_planned_sets
from ..model.assembly import ca_certificate_pem, read_registrations
from ..text import shell
from .cdk import Cdk, CdkError
from .invented import members, registrations
from .project import make_project
from .stacks import choose_stacks, environments, lacks_context, qualifiers, stacks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ..fleet.planned_sets import PlannedSet
    from ..model.assembly import RegistrationRecord
    from .emulator import LocalAws

_UNKNOWN_TYPES = re.compile(r"Unrecognized resource types: \[([^\]]*)\]")


@dataclass(frozen=True)
class RehearsedApp:
    """``stacks``: the selectors of those that are taken, None: all. ``cdk`` runs in a folder of the run's own.

    ``records``: those of the stacks, then those of the accounts that a rehearsal has in the ``sets``.
    """

    assembly: Path
    stacks: list[str] | None
    records: list[RegistrationRecord]
    cdk: Cdk
    sets: tuple[PlannedSet, ...] = ()

    @property
    def environments(self) -> list[tuple[str, str]]:
        """Each (account, region) that the app deploys to."""
        return environments(self.assembly, self.stacks)

    @property
    def first(self) -> RegistrationRecord | PlannedSet:
        """The registration, or the set, whose account deploys: all others trust it."""
        places = set(self.places)  # reads the assembly
        of_stacks = [each for each in self.records if (each.stack_name, each.account, each.region) in places]
        return of_stacks[0] if of_stacks else self.sets[0]

    def ca_pem(self, record: RegistrationRecord) -> str:
        """The CA's certificate, PEM, of one of the records."""
        for each in self.sets:
            pem = each.ca_pem(record.certificate_id)
            if pem is not None:
                return pem
        return ca_certificate_pem(self.assembly, record)

    def deploy(self, concurrency: int) -> None:
        """`cdk deploy` of the stacks. Raises `RehearsalError` where one holds what the local AWS has not."""
        try:
            self.cdk.deploy(
                self.assembly,
                account=self.first.account,
                region=self.first.region,
                concurrency=concurrency,
                stacks=self.stacks,
            )
        except CdkError as error:
            unknown = _UNKNOWN_TYPES.search(str(error))
            if unknown is None:
                raise
            raise self._has_not(unknown[1].split(",")) from None

    def destroy(self, concurrency: int, *, but: Collection[tuple[str, ...]] = ()) -> None:
        """`cdk destroy` of the stacks, but those of these `places`."""
        stacks = self.stacks
        if but:
            found = stacks_of(self.assembly, stacks)
            stacks = [each.selector for each in found if (each.name, each.account, each.region) not in but]
        if stacks == []:
            return
        self.cdk.destroy(
            self.assembly,
            account=self.first.account,
            region=self.first.region,
            concurrency=concurrency,
            stacks=stacks,
        )

    @property
    def places(self) -> list[tuple[str, ...]]:
        """Of each stack, what CloudFormation calls it, its account and region."""
        return [(each.name, each.account, each.region) for each in stacks_of(self.assembly, self.stacks)]

    def _has_not(self, types: Sequence[str]) -> RehearsalError:
        unknown = {each.strip(" '\"") for each in types}
        holders = {
            stack.selector: sorted(
                name
                for name, resource in stack.template()["Resources"].items()
                if resource["Type"] in unknown
            )
            for stack in stacks_of(self.assembly, self.stacks)
        }
        named = [f"{stack} ({', '.join(found)})" for stack, found in holders.items() if found]
        stacks = " ".join(f"--exclude {shell(stack)}" for stack, found in holders.items() if found)
        return RehearsalError(
            f"the local AWS has no {', '.join(sorted(unknown))}",
            value=", ".join(named),
            fix=f"rehearse without: {stacks}",
        )


def open_app(
    aws: LocalAws,
    folder: Path,
    app: str | None,
    *,
    number: int,
    wanted: Sequence[str] = (),
    unwanted: Sequence[str] = (),
    bootstrap: Callable[[Cdk, list[tuple[str, str]], list[str]], None],
    say: Callable[[str], None],
) -> RehearsedApp:
    """Synthesize an app and read its plan; ``app`` is an assembly's folder, a command, or None for ``folder``'s.

    ``bootstrap`` is called with the environments and qualifiers of an app that looks something up. Nothing is written
    into ``folder``. Raises `RehearsalError`, `AssemblyError`, `CdkError`.
    """
    project = aws.folder / f"project-{number}"
    assembly = project / "cdk.out"
    given = Path(app) if app is not None else None
    cdk = Cdk(aws, folder, runs_in=project, say=say)
    if given is not None and given.is_dir():
        project.mkdir()
        shutil.copytree(given, assembly)
    else:
        make_project(folder, app, project)
        _synthesize(cdk, assembly, bootstrap)
    stacks = choose_stacks(assembly, wanted, unwanted)
    places = {(each.name, each.account, each.region) for each in stacks_of(assembly, stacks)}
    records = [
        each.record
        for each in (read_planned(assembly) if read_registrations(assembly) else ())
        if (each.record.stack_name, each.record.account, each.record.region) in places
    ]
    sets = [
        each for each in read_planned_sets(assembly) if (each.stack_name, each.account, each.region) in places
    ]
    for each in sets:
        if not each.account or not each.region:
            raise RehearsalError(
                f"the stack of the stack set {each.record.name} names no account or no region: where it is deployed is "
                "left to credentials, of which a rehearsal has none",
                value=each.stack_name,
                fix="give the stack env=Environment(account=…, region=…)",
            )
        records += [record for account in members(each) for record in registrations(each, account)]
    if not records:
        raise AssemblyError(
            "the app registers no CA" if stacks is None else "the chosen stacks register no CA",
            fix="rehearse an app with a SharedCa or a SharedCaStackSet in it",
        )
    return RehearsedApp(assembly, stacks, records, cdk, tuple(sets))


def _synthesize(
    cdk: Cdk, assembly: Path, bootstrap: Callable[[Cdk, list[tuple[str, str]], list[str]], None]
) -> None:
    try:
        cdk.synthesize(assembly)
    except CdkError:
        # The CLI writes the assembly first, and then says that something has to be looked up.
        looks_up = False
        with contextlib.suppress(AssemblyError):
            looks_up = lacks_context(assembly)
        places = environments(assembly) if looks_up else []
        if not places:
            raise
        bootstrap(cdk, places, qualifiers(assembly))
        account, region = places[0]
        cdk.synthesize(assembly, account=account, region=region)
