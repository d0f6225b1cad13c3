"""What a way to sign for ``iot-ca verification-cert`` is, and what several of them need. Keeps no key, shows none."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...assets import registrar_importable
from ...errors import SigningError
from ...text import shell
from ..output import say

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from cryptography import x509

_OTHERS = 0o077

#: From a registration code to a verification certificate, PEM.
Sign = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be signed with: the CA, how long the certificates are valid, the AWS profile of the caller's."""

    ca: x509.Certificate
    lifetime: dt.timedelta
    profile: str | None


@dataclass(frozen=True, slots=True)
class Signer:
    """A way to sign. ``open``: makes of the option's value what signs, as long as it lasts.

    ``kind``: the model's way of proof where that is the one; a name of its own for a key that is nowhere in AWS.
    """

    kind: str
    metavar: str
    help: str
    open: Callable[[str, Asked], AbstractContextManager[Sign]]

    @property
    def option(self) -> str:
        """The option of the command line that chooses it."""
        return f"--{self.argument.replace('_', '-')}"

    @property
    def argument(self) -> str:
        """The same, as the command's function has it."""
        return self.kind.lower()


def warn_of_readers(path: Path) -> None:
    """Say so on stderr where others than its owner can read a secret file. POSIX only: elsewhere modes say nothing."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # whoever reads the file will say what is wrong with it
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            say(
                f"warning: others than its owner can read or change {path} (mode {mode:04o}); "
                f"fix: chmod 600 {shell(path)}",
                err=True,
            )


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """Turn the registrar's errors into those of this package."""
    with registrar_importable():
        from ca_registrar.errors import RegistrarError
    try:
        yield
    except RegistrarError as error:
        raise SigningError(str(error)) from None


def valid_until(asked: Asked) -> dt.datetime:
    """How long what is signed now lasts; raises `SigningError` for a CA that is not valid itself."""
    with registrar_importable():
        from ca_registrar.possession.signing import verification_certificate
    with sentences():
        _, until = verification_certificate.validity(asked.ca, lifetime=asked.lifetime)
    return until


def aws_client(service: str, region: str, profile: str | None) -> Any:
    """A client under the caller's own credentials."""
    import boto3
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    from ...fleet.answers import read_carefully, refuse_strangers

    session = Session()
    read_carefully(session)
    try:
        client = boto3.Session(botocore_session=session, profile_name=profile).client(
            service, region_name=region
        )
    except BotoCoreError as error:
        raise SigningError(
            f"no AWS credentials to sign with: {error}", fix="log in, or name a --profile"
        ) from None
    refuse_strangers(client)
    return client
