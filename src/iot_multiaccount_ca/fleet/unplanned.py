"""What an app's stacks hold where it plans nothing any more: a deployment takes it out of them. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.assembly import RegistrationRecord
from ..model.assembly_files import read_stacks
from ..model.ownership import read_ownership
from ..model.target import Target, partition_of
from .access import NoAccessError, NoCredentialsError
from .changes import Held
from .live import Reader, UnreadableError
from .pool import run_bounded
from .verify import DEADLINE, check_failed

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from ..model.assembly_files import AssemblyStack
    from ..model.ownership import Ownership
    from .access import Access
    from .live import LiveRegistration

    #: What was found in one account and region, and why it is not known where it is not.
    Found = tuple[list[Held], str | None]


def registered_elsewhere(
    assembly: Path, planned: Collection[Target], access: Access, *, concurrency: int
) -> tuple[list[Held], dict[Target, str]]:
    """What stacks of the app hold in accounts and regions that are not ``planned``; and where that is not known, why.

    Raises `NoCredentialsError`.
    """
    at: dict[Target, list[AssemblyStack]] = {}
    for stack in read_stacks(assembly):
        if stack.account and stack.region:
            target = Target(partition_of(stack.region), stack.account, stack.region)
            at.setdefault(target, []).append(stack)
    targets = [target for target in at if target not in planned]
    access.begin()
    held: list[Held] = []
    unknown: dict[Target, str] = {}
    asked = run_bounded(
        targets,
        lambda target: _held_in(target, at[target], access),
        concurrency=concurrency,
        deadline=DEADLINE,
        late=lambda _: ([], f"no answer within {DEADLINE:g} seconds"),
    )
    for target, (found, problem) in asked:
        held += found
        if problem is not None:
            unknown[target] = problem
    return held, unknown


def _held_in(target: Target, stacks: list[AssemblyStack], access: Access) -> Found:
    role = next((each for each in stacks if each.lookup_role_arn), stacks[0])
    names = {each.name for each in stacks}
    try:
        with access.enter(
            target, planned_role=role.lookup_role(target.partition), external_id=role.external_id
        ) as identity:
            reader = Reader(access.client, target, identity)
            found = []
            for each in reader.certificate_ids():
                live = reader.registration(each)
                owner = read_ownership(live.tags) if live is not None else None
                if live is None or owner is None or owner.stack.name not in names:
                    continue
                if not reader.stack_is_gone(owner.stack):
                    found.append(Held(_record(target, live, owner)))
            return found, None
    except NoCredentialsError:
        raise
    except (NoAccessError, UnreadableError) as error:
        return [], str(error)
    except (
        Exception
    ) as error:  # as in a check: an account that answers nonsense ends nothing but its own part
        return [], check_failed(error)


def _record(target: Target, live: LiveRegistration, owner: Ownership) -> RegistrationRecord:
    expires = live.not_valid_after.isoformat() if live.not_valid_after is not None else ""
    return RegistrationRecord(
        stage=None,
        account=target.account,
        region=target.region,
        partition=target.partition,
        stack_name=owner.stack.name,
        logical_id=owner.logical_id or "",
        certificate_mode=live.mode,
        certificate_id=live.certificate_id,
        subject="",
        not_valid_before="",
        not_valid_after=expires,
        active=live.status == "ACTIVE",
        auto_registration=live.auto_registration == "ENABLE",
        template_name="in the registration itself" if live.inline_template else live.template_name,
        jitr=False,
        retiring=False,
        verification=None,
    )
