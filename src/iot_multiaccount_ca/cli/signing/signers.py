"""Who signs for ``iot-ca verification-cert``: a key file, KMS, AWS Private CA or an HSM. Each is a way from a
registration code to a certificate, made by the very code that the Lambda runs. Keeps no key and shows none.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...assets import registrar_importable
from ...errors import SigningError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from cryptography import x509

    Sign = Callable[[str], str]


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """Turn the registrar's errors into those of this package."""
    with registrar_importable():
        from ca_registrar.errors import RegistrarError
    try:
        yield
    except RegistrarError as error:
        raise SigningError(str(error)) from None


@contextlib.contextmanager
def key_file(path: Path, ca: x509.Certificate, lifetime: dt.timedelta) -> Iterator[Sign]:
    """Sign with a PEM file; asks for the passphrase of an encrypted one."""
    with registrar_importable():
        from ca_registrar.possession.signing import private_key, verification_certificate
        from ca_registrar.possession.signing.signing_errors import EncryptedKeyError
    holder = f"the file {path}"
    text = _read(path)
    try:
        key = private_key.load(text, holder=holder)
    except EncryptedKeyError:
        key = None
    if key is None:
        passphrase = click.prompt(f"Passphrase of {path}", hide_input=True, err=True)
        key = private_key.load(text, holder=holder, passphrase=passphrase)
    ca_key = key
    yield lambda code: verification_certificate.build(
        ca, code, ca_key, holder=f"the key in {path}", lifetime=lifetime
    )


@contextlib.contextmanager
def kms_key(arn: str, ca: x509.Certificate, lifetime: dt.timedelta, profile: str | None) -> Iterator[Sign]:
    """Sign with a KMS key, under the caller's own credentials."""
    with registrar_importable():
        from ca_registrar.possession.signing import kms_key as strategy
    from ...model.possession.arns import key_arn

    kms = _client("kms", key_arn(arn).region, profile)
    yield lambda code: strategy.certificate(ca, code, arn, kms, lifetime=lifetime)


@contextlib.contextmanager
def private_ca(arn: str, ca: x509.Certificate, lifetime: dt.timedelta, profile: str | None) -> Iterator[Sign]:
    """Have an AWS Private CA issue, under the caller's own credentials."""
    with registrar_importable():
        from ca_registrar.possession.signing import private_ca as strategy
    from ...model.possession.arns import private_ca_arn

    acm_pca = _client("acm-pca", private_ca_arn(arn).region, profile)
    yield lambda code: strategy.certificate(ca, code, arn, acm_pca, lifetime=lifetime)


@contextlib.contextmanager
def hsm(uri: str, ca: x509.Certificate, lifetime: dt.timedelta) -> Iterator[Sign]:
    """Sign with a key in an HSM; asks for the PIN where neither URI nor environment has it."""
    with registrar_importable():
        from ca_registrar.possession.signing import verification_certificate
        from ca_registrar.possession.signing.remote_key import remote_key
    from . import pkcs11_key

    def ask_pin() -> str:
        pin: str = click.prompt("PIN of the token", hide_input=True, err=True)
        return pin

    parsed = pkcs11_key.parse(uri)
    with pkcs11_key.open_key(parsed, ca, remote_key=remote_key, ask_pin=ask_pin) as key:
        yield lambda code: verification_certificate.build(
            ca, code, key, holder="the key in the token", lifetime=lifetime
        )


def request_maker() -> Sign:
    """From a registration code to a certificate request, for CAs that sign requests. Its key is thrown away."""
    with registrar_importable():
        from ca_registrar.possession.signing import verification_certificate
    return lambda code: verification_certificate.signing_request(code).pem


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("ascii", "replace")
    except OSError as error:
        raise SigningError(f"the private key cannot be read: {error.strerror}", value=str(path)) from None


def _client(service: str, region: str, profile: str | None) -> Any:
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        return boto3.Session(profile_name=profile).client(service, region_name=region)
    except BotoCoreError as error:
        raise SigningError(
            f"no AWS credentials to sign with: {error}", fix="log in, or name a --profile"
        ) from None
