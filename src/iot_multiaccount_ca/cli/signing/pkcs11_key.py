"""A CA's key in an HSM or smart card, through PKCS#11. It signs there, and never leaves.

Needs the optional extra ``iot-multiaccount-ca[pkcs11]``. The key is named by a URI (RFC 7512):
``pkcs11:token=fleet;object=fleet-ca?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/path/to/pin``.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ...errors import Pkcs11Error
from ...model.ca.algorithms import HASHES
from ...model.reading import read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cryptography import x509

PIN_VARIABLE = "IOT_CA_PKCS11_PIN"
_EXAMPLE = "pkcs11:token=fleet;object=fleet-ca?module-path=/usr/lib/softhsm/libsofthsm2.so"
_PATH = frozenset({"token", "object", "id", "serial", "type"})
_QUERY = frozenset({"module-path", "pin-source", "pin-value"})


@dataclass(frozen=True, slots=True)
class KeyUri:
    """A parsed ``pkcs11:`` URI. Its text and ``pin`` may be secret, and are in no message.

    ``pin_file``: where the PIN came from; None where it stands in the URI itself, or nowhere.
    """

    module_path: str
    token: str | None = None
    serial: str | None = None
    label: str | None = None
    key_id: bytes | None = None
    pin: str | None = field(default=None, repr=False)
    pin_file: Path | None = None


def parse(uri: str) -> KeyUri:
    """Take a URI apart (RFC 7512); raises `Pkcs11Error`, which never repeats a PIN."""
    scheme, colon, rest = uri.partition(":")
    path, _, query = rest.partition("?")
    if scheme != "pkcs11":
        shown = scheme if colon and scheme.isalpha() else None  # anything else may be the PIN
        raise Pkcs11Error("this is not a PKCS#11 URI", value=shown, allowed=_EXAMPLE)
    attributes = dict(_pairs(path, ";", _PATH))
    options = dict(_pairs(query, "&", _QUERY))
    if "object" not in attributes and "id" not in attributes:
        raise Pkcs11Error(
            "the PKCS#11 URI names no key", allowed="object=<label> or id=<%xx…>", fix=f"as in {_EXAMPLE}"
        )
    module = unquote(options.get("module-path", ""))
    if not module or not Path(module).is_file():
        raise Pkcs11Error(
            "the PKCS#11 module is not a file",
            value=module or None,
            allowed="module-path=<the .so, .dylib or .dll of the HSM's vendor>",
            fix=f"as in {_EXAMPLE}",
        )
    return KeyUri(
        module_path=module,
        token=_text(attributes, "token"),
        serial=_text(attributes, "serial"),
        label=_text(attributes, "object"),
        key_id=unquote_to_bytes(attributes["id"]) if "id" in attributes else None,
        pin=_pin(options),
        pin_file=_pin_file(options) if "pin-value" not in options else None,
    )


@contextlib.contextmanager
def open_key(
    uri: KeyUri, ca: x509.Certificate, *, remote_key: Any, ask_pin: Callable[[], str]
) -> Iterator[Any]:
    """The private key as ``cryptography`` takes it, while the session with the token lasts.

    ``remote_key`` makes a key of a public key and a way to sign. A token that shows no public half is taken at its
    word; the signature is verified with the CA's certificate in any case.
    """
    try:
        import pkcs11
        from pkcs11 import exceptions
    except ImportError:
        raise Pkcs11Error(
            "PKCS#11 needs an optional package", fix="pip install 'iot-multiaccount-ca[pkcs11]'"
        ) from None
    try:
        token = _token(pkcs11, uri)
        with token.open(user_pin=uri.pin or os.environ.get(PIN_VARIABLE) or ask_pin()) as session:
            key = _key(pkcs11, session, uri)
            yield remote_key(_public_key(pkcs11, session, key, ca), _signer(pkcs11, key))
    except exceptions.PKCS11Error as error:
        raise Pkcs11Error(
            _sentence(error), fix="look at the token with `pkcs11-tool --list-objects`"
        ) from None
    except RuntimeError as error:  # the module itself does not load
        raise Pkcs11Error(f"the PKCS#11 module does not work: {error}", value=uri.module_path) from None


def _pairs(text: str, separator: str, known: frozenset[str]) -> Iterator[tuple[str, str]]:
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if not equals or name not in known:
            raise Pkcs11Error(
                "the PKCS#11 URI has a part that is not known here",
                value=name if equals else None,  # what has no name may be the PIN
                allowed=", ".join(sorted(known)),
                fix=f"as in {_EXAMPLE}",
            )
        yield name, value


def _text(attributes: dict[str, str], name: str) -> str | None:
    return unquote(attributes[name]) if name in attributes else None


def _pin(options: dict[str, str]) -> str | None:
    if "pin-value" in options:
        return unquote(options["pin-value"])
    path = _pin_file(options)
    if path is None:
        return None
    pin = _read(path)
    if pin is None:
        raise Pkcs11Error("the file with the token's PIN cannot be read", value=str(path))
    return pin


def _pin_file(options: dict[str, str]) -> Path | None:
    if "pin-source" not in options:
        return None
    return Path(unquote(options["pin-source"]).removeprefix("file://").removeprefix("file:"))


def _read(path: Path) -> str | None:
    # A decoding error would carry the PIN: it must not become the context of another error.
    try:
        return read_bytes(path).decode("utf-8").rstrip("\r\n")
    except (OSError, ValueError):
        return None


def _token(pkcs11: Any, uri: KeyUri) -> Any:
    wanted = {"token_label": uri.token, "token_serial": uri.serial.encode() if uri.serial else None}
    library = pkcs11.lib(uri.module_path)
    found = list(library.get_tokens(**{key: value for key, value in wanted.items() if value is not None}))
    if len(found) != 1:
        raise Pkcs11Error(
            f"{len(found)} tokens fit the PKCS#11 URI",
            value=uri.token or uri.serial,
            allowed="exactly one; there are: "
            + (", ".join(repr(token.label.strip()) for token in library.get_tokens()) or "none"),
            fix="name it with token=<label>",
        )
    return found[0]


def _key(pkcs11: Any, session: Any, uri: KeyUri) -> Any:
    wanted = {"label": uri.label, "id": uri.key_id}
    named = {key: value for key, value in wanted.items() if value is not None}
    key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, **named)
    if key.key_type not in (pkcs11.KeyType.RSA, pkcs11.KeyType.EC):
        raise Pkcs11Error("the key in the token is neither RSA nor ECC", value=key.key_type.name)
    return key


def _public_key(pkcs11: Any, session: Any, key: Any, ca: x509.Certificate) -> Any:
    from pkcs11.util.ec import encode_ec_public_key
    from pkcs11.util.rsa import encode_rsa_public_key

    try:
        if key.key_type is pkcs11.KeyType.RSA:
            return serialization.load_der_public_key(encode_rsa_public_key(key))
        public = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, id=key.id)
        return serialization.load_der_public_key(encode_ec_public_key(public))
    except (pkcs11.exceptions.PKCS11Error, ValueError):
        expected = ca.public_key()
        kind = rsa.RSAPublicKey if key.key_type is pkcs11.KeyType.RSA else ec.EllipticCurvePublicKey
        if not isinstance(expected, kind):
            raise Pkcs11Error(
                "the key in the token is of another kind than the CA's", value=key.key_type.name
            ) from None
        return expected


def _signer(pkcs11: Any, key: Any) -> Callable[[bytes, str], bytes]:
    def sign(digest: bytes, hash_name: str) -> bytes:
        if key.key_type is pkcs11.KeyType.RSA:
            # CKM_RSA_PKCS wants the digest as RFC 8017 wraps it.
            signature: bytes = key.sign(HASHES[hash_name] + digest, mechanism=pkcs11.Mechanism.RSA_PKCS)
            return signature
        raw: bytes = key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA)
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))

    return sign


def _sentence(error: Exception) -> str:
    name = type(error).__name__
    if name == "PKCS11Error" and str(error):  # the module could not be loaded
        return f"the PKCS#11 module does not work: {error}"
    known = {
        "PinIncorrect": "the PIN is wrong; a token locks itself after a few tries",
        "PinLocked": "the token has locked itself after wrong PINs",
        "NoSuchKey": "the token has no such private key",
        "MultipleObjectsReturned": "several private keys of the token fit the URI",
        "TokenNotPresent": "the token is not in its slot",
    }
    return known.get(name, f"the PKCS#11 token refuses: {name}")
