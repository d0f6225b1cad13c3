"""What a synthesized app says of its stack sets: written by the constructs, read by tools without running the app.

Each `SharedCaStackSet` leaves one metadata entry in the cloud assembly (`METADATA_TYPE`), with the fields of
`StackSetRecord` in camelCase. In which accounts a set of units has stacks, AWS Organizations knows alone.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from .. import text
from .assembly import RegistrationRecord
from .assembly_files import AssemblyStack, member, read_stacks
from .checks import is_stack_name
from .options import RegistrationEngine
from .record_forms import (
    ACCOUNT,
    ANY_TEXT,
    CERTIFICATE_ID,
    FILE,
    FLAG,
    OBJECT,
    RECORD_VERSION,
    REGION,
    SYNTHESIZE,
    TEXT,
    TIME,
    camel,
    check_fields,
    check_version,
    list_of,
    matching,
    or_none,
)
from .target import Target, partition_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from .record_forms import Form

METADATA_TYPE = "iot-multiaccount-ca:stack-set"


def capability(reader_role_name: str | None) -> str:
    """What a set's template asks of CloudFormation: more where its reader's role has a name of its own."""
    return "CAPABILITY_IAM" if reader_role_name is None else "CAPABILITY_NAMED_IAM"


def kept(template_name: str | None) -> str:
    """What an account that left keeps under RETAIN and has to lose before it returns, in words."""
    template = "" if template_name is None else f", its provisioning template {template_name}"
    return f"the CA{template} and, where it was left there, the set's stack"


@dataclass(frozen=True, slots=True)
class SetCa:
    """One CA of a set: what is the same of it in every account. Times are ISO 8601 in UTC."""

    certificate_id: str
    logical_id: str
    subject: str
    not_valid_before: str
    not_valid_after: str
    active: bool
    auto_registration: bool
    retiring: bool

    @property
    def expires(self) -> dt.datetime:
        """``not_valid_after`` as an aware time."""
        return dt.datetime.fromisoformat(self.not_valid_after)


@dataclass(frozen=True, slots=True)
class StackSetRecord:
    """One planned set. Either ``organizational_units`` or ``accounts`` is empty; ``cas`` begins with the current CA.

    ``reader_role_name``: the role in its accounts by which they can be looked at, with ``{region}`` in it.
    ``nested_template``: of a set in a nested stack, the file of that one's template.
    """

    name: str
    cas: tuple[SetCa, ...]
    template_name: str | None
    organizational_units: tuple[str, ...]
    accounts: tuple[str, ...]
    excluded_accounts: tuple[str, ...]
    regions: tuple[str, ...]
    delegated_administrator: bool
    retains: bool
    reader_role_name: str | None = None
    nested_template: str | None = None

    def to_metadata(self) -> dict[str, Any]:
        """The record as the metadata entry's data."""
        values = {camel(each.name): _plain(getattr(self, each.name)) for each in fields(self)}
        return {"version": RECORD_VERSION, **values}

    @classmethod
    def from_metadata(
        cls,
        data: Mapping[str, Any],
        *,
        what: str = "a stack set in the cloud assembly",
        fix: str = SYNTHESIZE,
    ) -> StackSetRecord:
        """The record out of a metadata entry; raises `AssemblyError` for one of another version, or a field that cannot
        be, with ``what`` and ``fix``. What a later version may add is left out."""
        check_version(data)
        values: dict[str, Any] = {each.name: data.get(camel(each.name)) for each in fields(cls)}
        check_fields(values, _FIELDS, what, fix=fix)
        return cls(
            **{**_frozen(values), "cas": tuple(_ca(each, f"a CA of {what}", fix) for each in values["cas"])}
        )

    @property
    def service_managed(self) -> bool:
        """Whether AWS Organizations manages the permissions: with units, not with listed accounts."""
        return bool(self.organizational_units)

    @property
    def partition(self) -> str:
        """The partition of the regions."""
        return partition_of(self.regions[0])

    @property
    def call_as(self) -> str:
        """As what StackSets is called, in AWS's words."""
        return "DELEGATED_ADMIN" if self.delegated_administrator else "SELF"

    def reader_role_arn(self, account: str, region: str) -> str | None:
        """The role in an account and region by which it can be looked at; None where the set carries none."""
        if self.reader_role_name is None:
            return None
        name = self.reader_role_name.replace("{region}", region)
        return Target(self.partition, account, region).arn("iam", f"role/{name}")

    @property
    def accounts_in_words(self) -> str:
        """Which accounts the set means, as far as the plan knows."""
        if not self.service_managed:
            return text.counted(len(self.accounts), "account")
        excluded = f" without {text.listed(self.excluded_accounts, 3)}" if self.excluded_accounts else ""
        return f"those of {text.listed(self.organizational_units, 3)}{excluded}"

    @property
    def enrollment_words(self) -> str:
        """How new devices come in, in a few words."""
        if self.template_name is not None:
            return f"JITP {self.template_name}"
        return "auto-registration" if any(each.auto_registration for each in self.cas) else "none"

    def registrations(self, account: str, region: str, stack_name: str) -> list[RegistrationRecord]:
        """What the set registers in one account and region, by its stack there."""
        return [
            RegistrationRecord(
                stage=None,
                account=account,
                region=region,
                partition=self.partition,
                stack_name=stack_name,
                certificate_mode="SNI_ONLY",
                template_name=self.template_name,
                jitr=False,
                verification=None,
                engine=RegistrationEngine.NATIVE.value,
                **{each.name: getattr(ca, each.name) for each in fields(ca)},
            )
            for ca in self.cas
        ]


def read_stacks_and_sets(assembly: str | os.PathLike[str]) -> list[tuple[AssemblyStack, StackSetRecord]]:
    """All sets of a synthesized app in deploy order, each with the stack that it stands in. Raises `AssemblyError`."""
    return [
        (stack, StackSetRecord.from_metadata(member(entry, "data", dict, path)))
        for stack in read_stacks(assembly)
        for path, entries in stack.metadata.items()
        for entry in entries
        if entry["type"] == METADATA_TYPE
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, SetCa):
        return {camel(each.name): getattr(value, each.name) for each in fields(value)}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _frozen(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _ca(data: Mapping[str, Any], what: str, fix: str) -> SetCa:
    values: dict[str, Any] = {each.name: data.get(camel(each.name)) for each in fields(SetCa)}
    check_fields(values, _CA_FIELDS, what, fix=fix)
    return SetCa(**values)


def _some(form: Form) -> Form:
    words, fits = list_of(form)
    return f"{words}, at least one", lambda value: fits(value) and len(value) > 0


# What each field of a record may be.
_FIELDS: dict[str, Form] = {
    "name": ("a set's name", is_stack_name),
    "cas": _some(OBJECT),
    "template_name": or_none(TEXT),
    "organizational_units": list_of(("a unit's id", matching(r"(ou|r)-[0-9a-z-]{4,80}"))),
    "accounts": list_of(ACCOUNT),
    "excluded_accounts": list_of(ACCOUNT),
    "regions": _some(REGION),
    "delegated_administrator": FLAG,
    "retains": FLAG,
    "reader_role_name": or_none(("a role's name", matching(r"[\w+=,.@{}-]{1,64}"))),
    "nested_template": or_none(FILE),
}
_CA_FIELDS: dict[str, Form] = {
    "certificate_id": CERTIFICATE_ID,
    "logical_id": TEXT,
    "subject": ANY_TEXT,
    "not_valid_before": TIME,
    "not_valid_after": TIME,
    "active": FLAG,
    "auto_registration": FLAG,
    "retiring": FLAG,
}
