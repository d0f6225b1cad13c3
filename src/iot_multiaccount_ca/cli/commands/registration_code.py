"""``iot-ca registration-code``: asks accounts for their registration codes. Changes nothing in AWS."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ... import text
from ...errors import MalformedTargetError, NothingToAskError, RegistrationCodeError, WrongOptionsError
from ...model.ca.certificate import CaCertificate
from ...model.checks import is_registration_code, is_stage_name
from ...model.target import Target, check_account, check_region
from .. import files
from ..options import access_options, app_option, cloud_assembly, open_access
from ..output import Column, console, emit_table, say
from ..signing import code_requests
from ..signing.code_requests import CodeRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...fleet.access import Access
    from ...fleet.planned import PlannedRegistration
    from ...model.assembly import RegistrationRecord

_TARGET = re.compile(r"(?P<name>[^=]+)=(?P<account>[^/]+)/(?P<region>.+)")
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("registration-code")
@app_option
@click.option("--stage", "stages", multiple=True, help="Only this stage (repeatable).")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME=ACCOUNT/REGION",
    help="Ask this account and region, without an app (repeatable).",
)
@click.option(
    "--ca-certificate", type=_FILE, help="Needed with --target: the CA that is to sign, noted in the file."
)
@click.option(
    "--out", default="request.json", show_default=True, type=_FILE, help="The request file to write."
)
@click.option("--force", is_flag=True, help="Replace the request file if it is there.")
@access_options
def registration_code(
    app: str,
    stages: tuple[str, ...],
    targets: tuple[str, ...],
    ca_certificate: Path | None,
    out: Path,
    force: bool,
    profile: str | None,
    role_name: str | None,
    qualifier: str | None,
) -> None:
    """Ask the DEFAULT stages for their registration codes; change nothing.

    Prints them and writes the request file for `iot-ca verification-cert`. The first question makes AWS IoT choose
    the account's code in the region; from then on it stays the same, until somebody deletes it.

    \b
    Example: iot-ca registration-code --app cdk.out --out request.json
    Before there is an app: iot-ca registration-code --target prod=333333333333/eu-west-1 --ca-certificate ca.pem
    """
    files.check_free([out], force=force)
    if targets:
        if ca_certificate is None:
            raise WrongOptionsError(
                "--target without --ca-certificate: which CA is to sign would be left to chance",
                fix="give the PEM of the CA that the app will register",
            )
        planned, wanted = [], _targets(targets, CaCertificate.from_file(ca_certificate))
    else:
        planned = _default_stages(app)
        wanted = _of_plan(planned)
    chosen = _choose(wanted, stages)
    codes: dict[tuple[str, str], str] = {}
    with closing(open_access(profile, role_name, qualifier, connections=1)) as access:
        for each in chosen:
            place = each.account, each.region
            if place not in codes:
                codes[place] = _ask(access, *place, planned)
    requests = [replace(each, registration_code=codes[each.account, each.region]) for each in chosen]
    files.write(out, code_requests.to_json(requests), force=force)
    _show(requests)
    say(
        "",
        f"Wrote {out}. Take it to where the CA's key is, and run:",
        "  iot-ca verification-cert --ca-certificate CA.pem --private-key CA.key "
        f"--request {text.shell(Path(out.name))} --out .",
    )


def _default_stages(app: str) -> list[PlannedRegistration]:
    from ...fleet.planned import read_planned

    with cloud_assembly(app) as folder:
        return [
            each
            for each in read_planned(folder)
            if each.record.certificate_mode == "DEFAULT" and each.record.verification
        ]


def _of_plan(planned: Iterable[PlannedRegistration]) -> list[CodeRequest]:
    records = [each.record for each in planned]
    return [
        CodeRequest(
            name=name,
            account=each.account,
            region=each.region,
            registration_code="",
            ca_certificate_id=each.certificate_id,
            ca_subject=each.subject,
        )
        for name, each in zip(_names(records), records, strict=True)
    ]


def _names(records: Sequence[RegistrationRecord]) -> list[str]:
    """A name for the file of each: its stage's, with its CA or its place where others are called the same."""
    forms = [
        (stage, f"{stage}-{each.certificate_id[:8]}", f"{stage}-{place}")
        for each in records
        for place in [f"{each.account}-{each.region}"]
        for stage in [each.stage or place]
    ]
    # Where file systems know no capitals, neither may the names.
    uses = Counter(form.lower() for each in forms for form in set(each))
    return [next((form for form in each if uses[form.lower()] == 1), each[-1]) for each in forms]


def _targets(targets: Iterable[str], ca: CaCertificate) -> list[CodeRequest]:
    wanted = []
    for target in targets:
        match = _TARGET.fullmatch(target)
        if match is None or not is_stage_name(match["name"]):
            raise MalformedTargetError(
                "the target is malformed",
                value=target,
                allowed="NAME=ACCOUNT/REGION, such as prod=333333333333/eu-west-1",
            )
        check_account(match["account"], where=f"target {match['name']!r}")
        check_region(match["region"], where=f"target {match['name']!r}")
        place = match["name"], match["account"], match["region"]
        wanted.append(CodeRequest(*place, "", ca.certificate_id, ca.subject))
    uses = Counter(each.name.lower() for each in wanted)
    twice = [each.name for each in wanted if uses[each.name.lower()] > 1]
    if twice:
        raise WrongOptionsError(
            "two --target of one name: the files of their certificates would be one",
            value=text.listed(twice),
            fix="give each a name of its own",
        )
    return wanted


def _choose(wanted: list[CodeRequest], stages: tuple[str, ...]) -> list[CodeRequest]:
    unknown = [stage for stage in stages if stage not in {each.name for each in wanted}]
    chosen = [each for each in wanted if not stages or each.name in stages]
    if unknown or not chosen:
        raise NothingToAskError(
            f"there is no DEFAULT stage {', '.join(map(repr, unknown))}"
            if unknown
            else "the app has no DEFAULT stage",
            value=None if chosen or not unknown else list(stages),
            allowed=", ".join(each.name for each in wanted)
            or "none: SNI_ONLY stages need no registration code",
            fix="synthesize the app with the stage in DEFAULT mode, or name the account with --target",
        )
    return chosen


def _ask(access: Access, account: str, region: str, planned: Iterable[PlannedRegistration]) -> str:
    """The account's code, asked through the lookup role that the assembly names for it, if there is an assembly."""
    from botocore.exceptions import BotoCoreError, ClientError

    from ...fleet.access import NoAccessError

    here = [each for each in planned if (each.record.account, each.record.region) == (account, region)]
    role, external_id = (here[0].lookup_role_arn, here[0].external_id) if here else (None, None)
    way = access.enter(Target.of(account, region), planned_role=role, external_id=external_id)
    try:
        with way:
            code: str = access.client("iot", region).get_registration_code()["registrationCode"]
    except (ClientError, BotoCoreError) as error:
        raise RegistrationCodeError(
            f"account {account} gives no registration code in {region}: {error}",
            allowed="a role with iot:GetRegistrationCode, as CDK's lookup role has",
            fix="name another role with --role-name, or other credentials with --profile",
        ) from None
    except NoAccessError as error:
        raise RegistrationCodeError(f"no access to account {account} in {region}: {error}") from None
    if not is_registration_code(code):
        raise RegistrationCodeError(
            f"account {account} gives a registration code in {region} that is none of AWS's",
            value=code,
            allowed="64 hex digits",
            fix="see what stands between here and AWS, such as a proxy",
        )
    return code


def _show(requests: list[CodeRequest]) -> None:
    columns = [Column("stage"), Column("account"), Column("region"), Column("registration code")]
    emit_table(
        console(),
        columns,
        [[each.name, each.account, each.region, each.registration_code] for each in requests],
    )
