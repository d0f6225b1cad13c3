"""The device CA: its certificate, the algorithms that AWS IoT takes, and when its end is near.

Validity is not a rule of parsing: a CA that has expired can still be destroyed.
"""

from __future__ import annotations

#: A CA that expires sooner than this, in days, is worth a warning.
EXPIRES_SOON_DAYS = 90
