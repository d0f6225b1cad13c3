"""PKCS11_URI: the CA's key is in an HSM or smart card."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from ...assets import registrar_importable
from . import pkcs11_key
from .signer import Asked, Sign, Signer

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def _open(uri: str, asked: Asked) -> Iterator[Sign]:
    """Sign in the token; asks for the PIN where neither URI nor environment has it."""
    with registrar_importable():
        from ca_registrar.possession.signing import verification_certificate
        from ca_registrar.possession.signing.remote_key import remote_key

    def ask_pin() -> str:
        pin: str = click.prompt("PIN of the token", hide_input=True, err=True)
        return pin

    parsed = pkcs11_key.parse(uri)
    with pkcs11_key.open_key(parsed, asked.ca, remote_key=remote_key, ask_pin=ask_pin) as key:
        yield lambda code: verification_certificate.build(
            asked.ca, code, key, holder="the key in the token", lifetime=asked.lifetime
        )


SIGNER = Signer("PKCS11_URI", "URI", "Sign with a key in an HSM (extra: pkcs11).", _open)
