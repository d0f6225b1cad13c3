"""``registration-code`` asks accounts for their codes; ``verification-cert`` signs for them, offline if need be.

The two halves of proving possession without giving the key to anyone: the first runs where the accounts can be
reached and changes nothing, the second where the CA's key is and needs neither AWS nor the CDK.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..model.certificate import CaCertificate
from ..model.errors import SharedCaError
from ..model.regions import check_account, check_region
from . import code_requests, lookup, signers
from .code_requests import CodeRequest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

_TARGET = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9-]{0,30})=(?P<account>[^/]+)/(?P<region>.+)")
_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


class NothingToAskError(SharedCaError):
    """No DEFAULT stage to ask for a registration code, or none of the wanted name."""


class RegistrationCodeError(SharedCaError):
    """AWS IoT gave no registration code."""


class WrongOptionsError(SharedCaError):
    """Options of a command that exclude each other, or miss each other."""


@click.command("registration-code")
@click.option("--app", "app", default="cdk.out", show_default=True, type=_FOLDER, help="The synthesized app.")
@click.option("--stage", "stages", multiple=True, help="Only this stage (repeatable).")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME=ACCOUNT/REGION",
    help="Ask this account and region, without an app (repeatable).",
)
@click.option(
    "--ca-certificate", type=_FILE, help="With --target: the CA that is to sign, noted in the file."
)
@click.option(
    "--out", default="request.json", show_default=True, type=_FILE, help="The request file to write."
)
@click.option("--profile", help="AWS profile to start from.")
@click.option("--role-name", help="Role to take in each account, instead of CDK's lookup role.")
@click.option(
    "--qualifier", default=lookup.DEFAULT_QUALIFIER, show_default=True, help="Of the CDK bootstrap."
)
def registration_code(
    app: Path,
    stages: tuple[str, ...],
    targets: tuple[str, ...],
    ca_certificate: Path | None,
    out: Path,
    profile: str | None,
    role_name: str | None,
    qualifier: str,
) -> None:
    """Ask the DEFAULT stages for their registration codes; change nothing.

    Prints them and writes the request file for `iot-ca verification-cert`. The first question makes AWS IoT choose
    the account's code in the region; from then on it stays the same, so one signature serves for good.

    \b
    Example: iot-ca registration-code --app cdk.out --out request.json
    Before there is an app: iot-ca registration-code --target prod=333333333333/eu-west-1
    """
    wanted = _targets(targets, ca_certificate) if targets else _of_app(app)
    chosen = _choose(wanted, stages)
    codes: dict[tuple[str, str], str] = {}
    for each in chosen:
        place = each.account, each.region
        if place not in codes:
            session = lookup.session_for(*place, profile=profile, role_name=role_name, qualifier=qualifier)
            codes[place] = _ask(session, each)
    requests = [_with_code(each, codes[each.account, each.region]) for each in chosen]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(code_requests.to_json(requests), encoding="utf-8")
    _table(requests)
    click.echo(
        f"\nWrote {out}. Take it to where the CA's key is, and run:\n"
        f"  iot-ca verification-cert --ca-certificate CA.pem --private-key CA.key --request {out.name} --out ."
    )


@click.command("verification-cert")
@click.option("--ca-certificate", type=_FILE, help="The CA's certificate, PEM.")
@click.option("--private-key", type=_FILE, help="Sign with the CA's key in this PEM file.")
@click.option("--kms-key", metavar="ARN", help="Sign with this KMS key, under your own credentials.")
@click.option(
    "--private-ca", metavar="ARN", help="Have this AWS Private CA issue, under your own credentials."
)
@click.option("--pkcs11-uri", metavar="URI", help="Sign with a key in an HSM (extra: pkcs11).")
@click.option("--csr-only", is_flag=True, help="Write certificate requests, for a CA that signs those.")
@click.option("--request", "request_file", required=True, type=_FILE, help="From `iot-ca registration-code`.")
@click.option("--out", default=".", show_default=True, type=_FOLDER, help="Folder for one file per stage.")
@click.option(
    "--valid-days",
    type=click.IntRange(min=1),
    help="How long the certificates are valid; without it, as long as the CA.",
)
@click.option("--profile", help="AWS profile for --kms-key and --private-ca.")
def verification_cert(
    ca_certificate: Path | None,
    private_key: Path | None,
    kms_key: str | None,
    private_ca: str | None,
    pkcs11_uri: str | None,
    csr_only: bool,
    request_file: Path,
    out: Path,
    valid_days: int | None,
    profile: str | None,
) -> None:
    """Sign verification certificates for the codes of a request file.

    With --private-key or --pkcs11-uri it needs no AWS and no network. The certificates prove to AWS IoT that whoever
    runs this holds the CA's key; their own keys are thrown away, so they are of no other use to anyone.

    \b
    Example: iot-ca verification-cert --ca-certificate ca.pem --private-key ca.key --request request.json --out .
    """
    ways = {
        "--private-key": private_key,
        "--kms-key": kms_key,
        "--private-ca": private_ca,
        "--pkcs11-uri": pkcs11_uri,
        "--csr-only": csr_only or None,
    }
    _exactly_one(ways)
    requests = code_requests.read(request_file)
    if csr_only:
        _write_requests(requests, out)
        return
    if ca_certificate is None:
        raise WrongOptionsError("--ca-certificate is missing", fix="give the PEM of the CA that is to sign")
    value = CaCertificate.from_file(ca_certificate)
    ca = value.load()
    lifetime = dt.timedelta(days=valid_days) if valid_days else dt.timedelta.max
    signer: AbstractContextManager[Any]
    if private_key is not None:
        signer = signers.key_file(private_key, ca, lifetime)
    elif kms_key is not None:
        signer = signers.kms_key(kms_key, ca, lifetime, profile)
    elif private_ca is not None:
        signer = signers.private_ca(private_ca, ca, lifetime, profile)
    else:
        signer = signers.hsm(pkcs11_uri or "", ca, lifetime)
    mine = _of_this_ca(requests, value)
    with signers.sentences(), signer as sign:
        # All are signed before one is written: a failure leaves no half of a set behind.
        signed = [(each, sign(each.registration_code)) for each in mine]
    paths = [_write(out, each, "verification.pem", pem) for each, pem in signed]
    _how_to_use([each.name for each in mine], paths)


def _exactly_one(ways: dict[str, Any]) -> None:
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        raise WrongOptionsError(
            "one of the ways to sign is needed" if not given else f"{' and '.join(given)} exclude each other",
            allowed=f"one of {', '.join(ways)}",
        )


def _of_app(app: Path) -> list[CodeRequest]:
    from ..model.assembly import read_registrations

    records = [
        each for each in read_registrations(app) if each.certificate_mode == "DEFAULT" and each.verification
    ]
    names = [each.stage or f"{each.account}-{each.region}" for each in records]
    return [
        # A stage that registers two CAs asks for two certificates: each file has a name of its own.
        CodeRequest(
            name=name if names.count(name) == 1 else f"{name}-{each.certificate_id[:8]}",
            account=each.account,
            region=each.region,
            registration_code="",
            ca_certificate_id=each.certificate_id,
            ca_subject=each.subject,
        )
        for name, each in zip(names, records, strict=True)
    ]


def _targets(targets: Iterable[str], ca_certificate: Path | None) -> list[CodeRequest]:
    ca = CaCertificate.from_file(ca_certificate) if ca_certificate is not None else None
    wanted = []
    for target in targets:
        match = _TARGET.fullmatch(target)
        if match is None:
            raise WrongOptionsError(
                "the target is malformed",
                value=target,
                allowed="NAME=ACCOUNT/REGION, such as prod=333333333333/eu-west-1",
            )
        check_account(match["account"], where=f"target {match['name']!r}")
        check_region(match["region"], where=f"target {match['name']!r}")
        identity = (ca.certificate_id, ca.subject) if ca is not None else (None, None)
        wanted.append(CodeRequest(match["name"], match["account"], match["region"], "", *identity))
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


def _ask(session: Any, request: CodeRequest) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        code: str = session.client("iot").get_registration_code()["registrationCode"]
    except (ClientError, BotoCoreError) as error:
        raise RegistrationCodeError(
            f"account {request.account} gives no registration code in {request.region}: {error}",
            allowed="a role with iot:GetRegistrationCode, as CDK's lookup role has",
            fix="name another role with --role-name, or other credentials with --profile",
        ) from None
    return code


def _with_code(request: CodeRequest, code: str) -> CodeRequest:
    identity = request.ca_certificate_id, request.ca_subject
    return CodeRequest(request.name, request.account, request.region, code, *identity)


def _of_this_ca(requests: list[CodeRequest], ca: CaCertificate) -> list[CodeRequest]:
    mine = [each for each in requests if each.ca_certificate_id in (None, ca.certificate_id)]
    for other in requests:
        if other not in mine:
            click.echo(
                f"left out {other.name}: it asks for the CA {other.ca_subject or other.ca_certificate_id}",
                err=True,
            )
    if not mine:
        raise code_requests.RequestFileError(
            f"no request of the file asks for the CA {ca.subject!r}",
            value=ca.certificate_id,
            allowed=", ".join(sorted({str(each.ca_certificate_id) for each in requests})),
            fix="give the certificate of the CA that the app registers",
        )
    return mine


def _write(folder: Path, request: CodeRequest, ending: str, pem: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{request.name}.{ending}"
    head = (
        f"AWS IoT verification certificate for stage {request.name}\n"
        f"account {request.account}, region {request.region}\n"
        f"registration code {request.registration_code}\n"
    )
    path.write_text(head + pem, encoding="ascii")
    return path


def _write_requests(requests: list[CodeRequest], out: Path) -> None:
    make = signers.request_maker()
    with signers.sentences():
        for each in requests:
            path = _write(out, each, "verification.csr", make(each.registration_code))
            click.echo(f"wrote {path}")
    click.echo(
        "\nHave the CA sign each request as it stands (the common name is the registration code; an end-entity\n"
        "certificate, not a CA). Their keys are thrown away: nobody needs them. The certificates go into\n"
        "Verification.from_pre_issued by the names of the stages."
    )


def _how_to_use(names: list[str], paths: list[Path]) -> None:
    for path in paths:
        click.echo(f"wrote {path}")
    lines = [f'    "{name}": "{path.as_posix()}",' for name, path in zip(names, paths, strict=True)]
    click.echo("\nPut the files beside the app, and:\n\nverification=Verification.from_pre_issued({")
    click.echo("\n".join(lines) + "\n})")


def _table(requests: list[CodeRequest]) -> None:
    head = ("stage", "account", "region", "registration code")
    rows = [head, *((each.name, each.account, each.region, each.registration_code) for each in requests)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
