"""A CA's validity in time: the one number of days that every face calls near. No parse rule, see docs/adr/0010."""

from __future__ import annotations

#: A CA that expires sooner than this, in days, is worth a warning.
EXPIRES_SOON_DAYS = 90
