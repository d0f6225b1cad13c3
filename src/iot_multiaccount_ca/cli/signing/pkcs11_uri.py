"""PKCS11_URI: the CA's key is in an HSM or smart card."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from ...assets import registrar_importable
from ..output import ask_secret, say
from . import pkcs11_key
from .signer import Asked, Sign, Signer, warn_of_readers

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIN = re.compile("pin-value=.")


@contextlib.contextmanager
def _open(uri: str, asked: Asked) -> Iterator[Sign]:
    """Sign in the token; asks for the PIN where neither URI nor environment has it."""
    with registrar_importable():
        from ca_registrar.possession.signing import verification_certificate
        from ca_registrar.possession.signing.remote_key import remote_key

    # Whatever else is wrong with the URI: the PIN is exposed already.
    if _PIN.search(uri):
        say(
            "warning: the PIN stands among the arguments, where the shell's history and every user of this machine can "
            f"read it; fix: give pin-source=file:… in the URI, or set {pkcs11_key.PIN_VARIABLE}",
            err=True,
        )
    parsed = pkcs11_key.parse(uri)
    if parsed.pin_file is not None:
        warn_of_readers(parsed.pin_file)
    with pkcs11_key.open_key(
        parsed, asked.ca, remote_key=remote_key, ask_pin=lambda: ask_secret("PIN of the token")
    ) as key:
        yield lambda code: verification_certificate.build(
            asked.ca, code, key, holder="the key in the token", lifetime=asked.lifetime
        )


SIGNER = Signer("PKCS11_URI", "URI", "Sign with a key in an HSM (extra: pkcs11).", _open)
