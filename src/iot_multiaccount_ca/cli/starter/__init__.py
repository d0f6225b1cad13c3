"""The app that ``iot-ca init`` writes: its files' texts, from those beside this file. Writes nothing itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from ..._version import WHEEL
from ...model.plan.plan import SharedCaPlan
from ...model.plan.stage import CaStage
from ...model.possession.verification import Verification
from ...model.target import partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...model.ca.certificate import CaCertificate

#: What the files of the CA are called; the key's only where the CA is made for development.
CERTIFICATE, KEY = "fleet-ca.pem", "fleet-ca.key"
_SECRET = "fleet-ca/private-key"  # noqa: S105 - the name of one
# What formatters of Python take for the longest line, unless told otherwise.
_LONGEST_LINE = 88
# Where a file cannot be called what it will be: a .gitignore here would hide files of this folder.
_CALLED = {"gitignore": ".gitignore"}
_IN_A_LIST = " " * 8


@dataclass(frozen=True, slots=True)
class Starter:
    """What the app is to hold. ``kind``: ``plain``, ``pipeline`` or ``stack_set``. ``owner``: an account, or None.

    ``development_ca``: whether the CA is made for it, and its key lies beside it.
    """

    accounts: Mapping[str, str]
    regions: tuple[str, ...]
    kind: str = "plain"
    owner: str | None = None
    development_ca: bool = True

    def plan(self, ca: CaCertificate) -> SharedCaPlan:
        """The plan that the app will hold; raises what the app would raise."""
        proof = None if self.owner is None else Verification.from_secret(_SECRET)
        return SharedCaPlan(
            ca_certificate=ca, owner_account=self.owner, verification=proof, stages=self.stages()
        )

    def stages(self) -> tuple[CaStage, ...]:
        """A stage an account, or an account and region where there are several regions."""
        if len(self.regions) != 1:
            return CaStage.grid(accounts=self.accounts, regions=self.regions)
        [region] = self.regions
        return tuple(CaStage(name, account=account, region=region) for name, account in self.accounts.items())

    def texts(self) -> dict[str, str]:
        """Each file's text by its name, those of the CA left out."""
        source = self._filled(_text(f"apps/{self.kind}.py.txt"))
        files = (each for each in resources.files(__package__).joinpath("files").iterdir() if each.is_file())
        found = {_CALLED.get(each.name, each.name): each.read_text(encoding="utf-8") for each in files}
        # A template of JITP has dollars of its own.
        filled = {
            name: text if name.endswith(".json") else self._filled(text) for name, text in found.items()
        }
        return {"app.py": source, **dict(sorted(filled.items()))}

    def _filled(self, text: str) -> str:
        return Template(text).substitute(
            wheel=WHEEL,
            owner=self._owner_lines(),
            verification_line="" if self.owner is None else "    Verification,\n",
            stages=self._stages_source(),
            regions=_list(self.regions, " " * 4, "regions="),
            region=self.regions[0],
            first_region=json.dumps(self.regions[0]),
            partition=partition_of(self.regions[0]),
            promotions=self._promotions(),
            rehearse=self.rehearse,
            deploy="npx cdk deploy" + ("" if self.kind == "pipeline" else " --all"),
            notes="\n".join(f"\n{each}" for each in self._notes()),
        )

    @property
    def rehearse(self) -> str:
        """The command that rehearses the app."""
        key = KEY if self.development_ca else "path/to/its.key"
        left_out = " --exclude FleetCaOrganization" if self.kind == "stack_set" else ""
        return f"iot-ca rehearse --ca-key {key}{left_out}"

    def _owner_lines(self) -> str:
        if self.owner is None:
            return ""
        return (
            f'    owner_account="{self.owner}",  # DEFAULT here, SNI_ONLY everywhere else\n'
            f'    verification=Verification.from_secret("{_SECRET}"),\n'
        )

    def _stages_source(self) -> str:
        if len(self.regions) == 1:
            stages = (
                _call(
                    "CaStage", [f'"{name}"', f'account="{account}"', f'region="{self.regions[0]}"'], indent=8
                )
                for name, account in self.accounts.items()
            )
            return "[\n" + _lines(stages) + "    ]"
        accounts = (f'    "{name}": "{account}"' for name, account in self.accounts.items())
        held = "{\n" + _lines(accounts) + f"{_IN_A_LIST}}}"
        regions = _list(self.regions, _IN_A_LIST, "regions=")
        return f"CaStage.grid(\n{_IN_A_LIST}accounts={held},\n{_IN_A_LIST}regions={regions},\n    )"

    def _promotions(self) -> str:
        """A stage of the pipeline for each account; a person's approval before each but the first."""
        found: list[str] = []
        for name, account in self.accounts.items():
            # Two letters and more, as CDK wants it, and the name of nothing else in the stack.
            construct = f"To{name[0].upper()}{name[1:]}"
            variable = f"to_{name.lower().replace('-', '_')}"
            stages = [each.name for each in self.stages() if each.account == account]
            arguments = [
                "self",
                f'"{construct}"',
                "plan=PLAN",
                f"stages={_list(stages, ' ' * 12, 'stages=')}",
            ]
            step = _call("pipelines.ManualApprovalStep", [f'"Approve{construct}"'], indent=16)
            approval = "pre=" + _in_brackets("[", [step], "]", indent=12, before="pre=")
            added = [variable, approval] if found else [variable]
            found.append(
                f"\n{_IN_A_LIST}{variable} = SharedCaPipelineStage(\n{_lines(arguments, 12)}{_IN_A_LIST})\n"
                + (
                    f"{_IN_A_LIST}pipeline.add_stage(\n{_lines(added, 12)}{_IN_A_LIST})"
                    if found
                    else f"{_IN_A_LIST}pipeline.add_stage({variable})"
                )
            )
        return "\n".join(found)

    def _notes(self) -> Iterable[str]:
        if self.development_ca:
            yield f"`{CERTIFICATE}` and `{KEY}` are a CA for development: put your fleet's certificate in its place."
        if self.owner is not None:
            yield (
                f"Account {self.owner} holds the CA in `DEFAULT` mode. Before it is deployed, put the CA's key into "
                f"the\nsecret `{_SECRET}` there, in {', '.join(self.regions)}."
            )
        if self.kind == "pipeline":
            yield (
                "Replace the account, repository and connection at the top of `app.py`, and deploy from that account.\n"
                "The pipeline installs what is in `wheels/`: keep it in the repository."
            )
        if self.kind == "stack_set":
            yield (
                "Replace the units and the management account at the top of `app.py`. The StackSet reaches\nevery "
                "other account of the units; trusted access of StackSets to the organization has to be on."
            )


def _list(items: Sequence[str], indent: str, before: str) -> str:
    """A list of texts as source, behind ``before``."""
    return _in_brackets("[", list(map(json.dumps, items)), "]", indent=len(indent), before=before)


def _call(name: str, arguments: Sequence[str], *, indent: int) -> str:
    return name + _in_brackets("(", arguments, ")", indent=indent, before=name)


def _in_brackets(opening: str, items: Sequence[str], closing: str, *, indent: int, before: str) -> str:
    """As source: on the line that begins with ``before`` if all fits there, a comma behind it included; else an item a
    line."""
    line = f"{opening}{', '.join(items)}{closing}"
    if "\n" not in line and indent + len(before) + len(line) + len(",") <= _LONGEST_LINE:
        return line
    return f"{opening}\n{_lines(items, indent + 4)}{' ' * indent}{closing}"


def _lines(items: Iterable[str], indent: int = len(_IN_A_LIST)) -> str:
    return "".join(f"{' ' * indent}{each},\n" for each in items)


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
