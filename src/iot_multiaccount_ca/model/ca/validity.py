"""A CA's validity: how many days before its end count as near. No parse rule: an expired CA can still be destroyed."""

from __future__ import annotations

#: A CA that expires sooner than this, in days, is worth a warning.
EXPIRES_SOON_DAYS = 90
