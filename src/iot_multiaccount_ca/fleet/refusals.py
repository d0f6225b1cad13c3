"""What a refusal of AWS means, by its code and its words: not every one is a matter of a role's rights.

See "Troubleshoot access denied error messages" in the IAM user guide, and "Common errors" of the API references.
"""

from __future__ import annotations

import re

_DENIED_BY = re.compile(
    r"(?:with an explicit deny in an?|because no) "
    r"(identity-based policy|permissions boundary|(?:resource control|service control|session|VPC endpoint) policy)"
)
_THROTTLED = ("Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown")
#: What is answered to a key that is not known in a region, and to a service that was not switched on there.
REGION_CODES = frozenset(
    {"InvalidClientTokenId", "OptInRequired", "SubscriptionRequiredException", "UnrecognizedClientException"}
)
#: What is answered to a signature of another time, or with another secret.
SIGNATURE_CODES = frozenset({"InvalidSignatureException", "RequestTimeTooSkewed", "SignatureDoesNotMatch"})


def is_throttled(code: str) -> bool:
    """Whether too much was asked at a time."""
    return any(each in code for each in _THROTTLED)


def policy_advice(message: str, *, action: str, identity: str) -> str | None:
    """What to do where AWS says which policy denied a call; None where it does not."""
    found = _DENIED_BY.search(message)
    if found is None:
        return None
    policy = found[1]
    if policy == "identity-based policy":
        return f"allow {action} to {identity}"
    if "control" in policy:
        return f"have the organization's {policy} allow {action} to {identity}: rights of the role alone do not help"
    if "VPC" in policy:
        return f"have the {policy} of the network that this runs in allow {action}"
    return f"have the {policy} of {identity} allow {action}"
