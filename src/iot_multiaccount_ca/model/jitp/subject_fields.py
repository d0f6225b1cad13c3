"""The fields of a device certificate's subject that AWS IoT reads, by its names for them. Reads no certificate.

Object identifiers as text: this room's rules need no ``cryptography``. The local AWS has a table of its own, as a judge
shares no code with what it judges, and so has the activation Lambda, which shares none with the package.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class SubjectField(NamedTuple):
    """What a person calls the field, and its object identifier."""

    short: str
    oid: str


#: By JITP's names ("Just-in-time provisioning" in the developer guide). Just-in-time registration reads all of them out
#: of the subject; what JITP has as SerialNumber is the certificate's own.
SUBJECT_FIELDS = MappingProxyType(
    {
        "Country": SubjectField("C", "2.5.4.6"),
        "Organization": SubjectField("O", "2.5.4.10"),
        "OrganizationalUnit": SubjectField("OU", "2.5.4.11"),
        "DistinguishedNameQualifier": SubjectField("dnQualifier", "2.5.4.46"),
        "StateName": SubjectField("ST", "2.5.4.8"),
        "CommonName": SubjectField("CN", "2.5.4.3"),
        "SerialNumber": SubjectField("serialNumber", "2.5.4.5"),
    }
)
