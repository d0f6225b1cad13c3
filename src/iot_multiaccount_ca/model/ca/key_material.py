"""Tells whether a text is, or holds, a private key: with or without its PEM armour, in base64, hex or JSON.

For arguments that take a name, an ARN or a path: what stands there ends up in cdk.out and in messages. Never keeps,
shows or loads what it finds.
"""

from __future__ import annotations

import base64
import itertools
import re

_OPENSSH = b"openssh-key-v1\x00"
_ARMOUR = re.compile(r"PRIVATE\s+KEY|PuTTY-User-Key-File")
#: JSON Web Keys: the members that hold what is private of RSA and ECC keys.
_JSON_WEB_KEY = re.compile(r"""["']kty["'].*["']d["']|["']d["'].*["']kty["']""", re.DOTALL)
_LINE_ENDS = re.compile(r"\\[rn]|\s")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
# The first bytes of DER: a SEQUENCE is 0x30, which base64 begins with M.
_DER_HEAD = 48
_SHORTEST = 40
# Random base64 changes between upper case, lower case and digits at six characters in ten, and has a digit in every
# sixth place; words that were written together change less often, and have a number or two.
_RANDOM = 0.45
_FEW_NUMBERS = 2
_PIECE = re.compile(rf"[A-Za-z0-9]{{{_SHORTEST},}}")


def holds_private_key(text: str) -> bool:
    """Whether a private key stands in ``text``, whole or cut short, or what reads like a part of one."""
    if _ARMOUR.search(text) or _JSON_WEB_KEY.search(text):
        return True
    packed = _LINE_ENDS.sub("", text)
    return _in_hex(packed) or _in_base64(packed) or any(map(_is_random, _PIECE.findall(packed)))


def _in_hex(text: str) -> bool:
    for run in re.findall(rf"(?:[0-9A-Fa-f]{{2}}[:\-]?){{{_SHORTEST},}}", text):
        content = bytes.fromhex(re.sub(r"[:\-]", "", run))
        starts = (index for index, byte in enumerate(content) if byte == 0x30)
        if _is_key(content) or any(_is_key_structure(content[start:]) for start in starts):
            return True
    return False


def _in_base64(text: str) -> bool:
    standard = text.replace("-", "+").replace("_", "/")
    for run in _NOT_BASE64.split(standard):
        if len(run) < _SHORTEST:
            continue
        if _is_key(_decoded(run)):
            return True
        for match in re.finditer("M", run[: 1 - _SHORTEST]):
            if _is_key_structure(_decoded(run[match.start() : match.start() + _DER_HEAD])):
                return True
    return False


def _decoded(run: str) -> bytes:
    return base64.b64decode(run[: len(run) // 4 * 4])


def _is_key(content: bytes) -> bool:
    """A whole file that was encoded, as it is: its armour, or OpenSSH's own form."""
    return _OPENSSH in content or _ARMOUR.search(content.decode("latin-1")) is not None


def _is_key_structure(der: bytes) -> bool:
    """Whether DER begins as PKCS#8, PKCS#1 and SEC 1 do: a sequence of a version, 0 or 1, and more; or as an encrypted
    PKCS#8 does: a sequence that begins with one of PKCS #5's or PKCS #12's algorithms."""
    inside = _inside_sequence(der)
    if inside is None:
        return False
    if inside[:2] == b"\x02\x01" and inside[2:3] in (b"\x00", b"\x01"):
        return inside[3:4] in (b"\x02", b"\x04", b"\x30")
    algorithm = _inside_sequence(inside)
    # 1.2.840.113549.1.5 and 1.2.840.113549.1.12
    return algorithm is not None and algorithm[2:10] in (
        bytes.fromhex("2a864886f70d0105"),
        bytes.fromhex("2a864886f70d010c"),
    )


def _inside_sequence(der: bytes) -> bytes | None:
    if len(der) < 8 or der[0] != 0x30:  # noqa: PLR2004, RUF100
        return None
    length = der[1]
    return der[2:] if length < 0x80 else der[2 + (length & 0x7F) :]  # noqa: PLR2004, RUF100


def _is_random(piece: str) -> bool:
    kinds = ["d" if letter.isdigit() else "u" if letter.isupper() else "l" for letter in piece]
    changes = sum(one != next_ for one, next_ in itertools.pairwise(kinds))
    numbers = len(re.findall(r"[0-9]+", piece))
    return numbers > _FEW_NUMBERS and len(set(kinds)) == len("dul") and changes / (len(piece) - 1) > _RANDOM
