"""``iot-ca verification-cert``: signs for registration codes where the CA's key is, offline if need be.

The other half of ``iot-ca registration-code``: together they prove possession without giving the key to anyone.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ... import text
from ...errors import RequestFileError, WrongOptionsError
from ...model.ca.certificate import CaCertificate
from ...model.ca.key_material import holds_private_key
from .. import files
from ..options import LONGEST_DAYS
from ..output import progress, say
from ..signing import code_requests
from ..signing.code_requests import CodeRequest
from ..signing.confirmation import confirmed, warn
from ..signing.signer import Asked, sentences, valid_until
from ..signing.signers import SIGNERS, request_maker

if TYPE_CHECKING:
    from collections.abc import Callable

_CERTIFICATE, _REQUEST = "verification.pem", "verification.csr"
_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


def _signer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each way to sign, as the table of the signers has them."""
    for signer in reversed(SIGNERS):
        command = click.option(signer.option, signer.argument, metavar=signer.metavar, help=signer.help)(
            command
        )
    return command


@click.command("verification-cert")
@click.option("--ca-certificate", type=_FILE, help="The CA's certificate, PEM.")
@_signer_options
@click.option("--csr-only", is_flag=True, help="Write certificate requests, for a CA that signs those.")
@click.option("--request", "request_file", required=True, type=_FILE, help="From `iot-ca registration-code`.")
@click.option("--out", default=".", show_default=True, type=_FOLDER, help="Folder for one file per stage.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option(
    "--valid-days",
    type=click.IntRange(1, LONGEST_DAYS),
    default=7,
    show_default=True,
    help="How long the certificates are valid; never longer than the CA.",
)
@click.option("--yes", is_flag=True, help="Sign what is shown without asking.")
@click.option("--profile", help="AWS profile for --kms-key and --private-ca.")
def verification_cert(
    ca_certificate: Path | None,
    csr_only: bool,
    request_file: Path,
    out: Path,
    force: bool,
    valid_days: int,
    yes: bool,
    profile: str | None,
    **ways: str | None,
) -> None:
    """Sign verification certificates for the codes of a request file.

    With --private-key or --pkcs11-uri it needs no AWS and no network. Shows what is to be signed, and asks. Whoever has
    such a certificate can register the CA in DEFAULT mode, in the account whose code it carries and for as long as it
    is valid; its own key is thrown away, so it is of no other use to anyone. Exit code: 0 signed, 1 not wanted, 2 not
    possible.

    \b
    Example: iot-ca verification-cert --ca-certificate ca.pem --private-key ca.key --request request.json --out .
    """
    given = {signer.option: ways[signer.argument] for signer in SIGNERS}
    _exactly_one({**given, "--csr-only": csr_only or None})
    requests = code_requests.read(request_file)
    doubts = code_requests.contradictions(requests)
    value = CaCertificate.from_file(ca_certificate) if ca_certificate is not None else None
    if csr_only:
        warn(doubts)
        _write_requests(_of_this_ca(requests, value) if value is not None else requests, out, force=force)
        return
    if value is None:
        raise WrongOptionsError("--ca-certificate is missing", fix="give the PEM of the CA that is to sign")
    signer, key = next((each, found) for each in SIGNERS if (found := given[each.option]) is not None)
    _check_no_key(signer.option, key)
    mine = _of_this_ca(requests, value)
    paths = [_path(out, each, _CERTIFICATE) for each in mine]
    files.check_free(paths, force=force)
    asked = Asked(value.load(), dt.timedelta(days=valid_days), profile)
    if not confirmed(mine, value, valid_until(asked), doubts=doubts, yes=yes):
        say("nothing was signed", err=True)
        raise click.exceptions.Exit(1)
    # All are signed before one is written, and all are written or none: no half of a set is left behind.
    with sentences(), signer.open(key, asked) as sign, progress("signing", len(mine)) as advance:
        signed = {}
        for path, each in zip(paths, mine, strict=True):
            signed[path.name] = _head(each) + sign(each.registration_code)
            advance(1)
    files.write_all(out, signed, force=force)
    _how_to_use([each.name for each in mine], paths)


def _exactly_one(ways: dict[str, Any]) -> None:
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        raise WrongOptionsError(
            "one of the ways to sign is needed" if not given else f"{' and '.join(given)} exclude each other",
            allowed=f"one of {', '.join(ways)}",
        )


def _check_no_key(option: str, value: str) -> None:
    if holds_private_key(value):
        raise WrongOptionsError(
            f"what reads like a private key itself stands after {option}",
            fix="put it into a file that its owner alone can read; it is in the shell's history now: treat this key as "
            "exposed",
        )


def _of_this_ca(requests: list[CodeRequest], ca: CaCertificate) -> list[CodeRequest]:
    mine = [each for each in requests if each.ca_certificate_id == ca.certificate_id]
    others = [each for each in requests if each.ca_certificate_id != ca.certificate_id]
    for other in others:
        say(
            f"left out {other.name}: it asks for the CA {other.ca_subject} with certificate id "
            f"{other.ca_certificate_id}",
            err=True,
        )
    if not mine:
        raise RequestFileError(
            f"no request of the file asks for the CA {ca.subject!r}",
            value=ca.certificate_id,
            allowed=", ".join(sorted({each.ca_certificate_id for each in others})),
            fix="give the certificate of the CA that the app registers",
        )
    return mine


def _path(folder: Path, request: CodeRequest, ending: str) -> Path:
    return folder / f"{request.name}.{ending}"


def _head(request: CodeRequest) -> str:
    return (
        f"AWS IoT verification certificate for stage {request.name}\n"
        f"account {request.account}, region {request.region}\n"
        f"registration code {request.registration_code}\n"
    )


def _write_requests(requests: list[CodeRequest], out: Path, *, force: bool) -> None:
    paths = [_path(out, each, _REQUEST) for each in requests]
    files.check_free(paths, force=force)
    make = request_maker()
    with sentences():
        made = {
            path.name: _head(each) + make(each.registration_code)
            for path, each in zip(paths, requests, strict=True)
        }
    files.write_all(out, made, force=force)
    say(*(f"wrote {path}" for path in paths))
    say(
        "",
        "Compare the codes with those that the accounts' owners tell you. Then have the CA sign each request as it",
        "stands (the common name is the registration code; an end-entity certificate, not a CA). Their keys are thrown",
        "away: nobody needs them. The certificates go into Verification.from_pre_issued by the names of the stages.",
    )


def _how_to_use(names: list[str], paths: list[Path]) -> None:
    say(*(f"wrote {path}" for path in paths))
    lines = [f'    "{name}": {_source(path)},' for name, path in zip(names, paths, strict=True)]
    say(
        "",
        "Put the files beside the app, and:",
        "",
        "verification=Verification.from_pre_issued({",
        *lines,
        "})",
    )


def _source(path: Path) -> str:
    """The path as Python's source has it."""
    written = path.as_posix()
    # JSON's way to write a text is one of Python's too, but for what cannot be seen.
    return json.dumps(written, ensure_ascii=False) if text.plain(written) == written else ascii(written)
