"""PRIVATE_KEY: the CA's key is in a PEM file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from ...assets import registrar_importable
from ...errors import SigningError
from ...model.reading import read_bytes
from ..output import ask_secret
from .signer import Asked, Sign, Signer, warn_of_readers

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def _open(name: str, asked: Asked) -> Iterator[Sign]:
    """Sign with the file; asks for the passphrase of an encrypted one."""
    with registrar_importable():
        from ca_registrar.possession.signing import private_key, verification_certificate
        from ca_registrar.possession.signing.signing_errors import EncryptedKeyError
    path = Path(name)
    holder = f"the file {path}"
    text = _read(path)
    try:
        key = private_key.load(text, holder=holder)
    except EncryptedKeyError:
        key = None
    warn_of_readers(path)  # once it is known to be a key
    if key is None:
        passphrase = ask_secret(f"Passphrase of {path}")
        key = private_key.load(text, holder=holder, passphrase=passphrase)
    ca_key = key
    yield lambda code: verification_certificate.build(
        asked.ca, code, ca_key, holder=f"the key in {path}", lifetime=asked.lifetime
    )


def _read(path: Path) -> str:
    try:
        return read_bytes(path).decode("ascii", "replace")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SigningError(f"the private key cannot be read: {reason}", value=str(path)) from None


SIGNER = Signer("PRIVATE_KEY", "FILE", "Sign with the CA's key in this PEM file.", _open)
