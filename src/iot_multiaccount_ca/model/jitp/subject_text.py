"""How a value of a certificate's subject reads as text: with the escapes of RFC 2253, which AWS IoT keeps.

A public CloudTrail record of JITP's RegisterThing has ``\\=`` where the subject has ``=``; that the other characters of
RFC 2253 are escaped too is inferred. Reads no certificate.
"""

from __future__ import annotations

import re

_SPECIAL = re.compile(r'[,+"\\<>;=]|^[# ]| $')


def escaped(value: str) -> str:
    """The value as AWS IoT passes it to a template."""
    return _SPECIAL.sub(lambda match: "\\" + match.group(), value)
