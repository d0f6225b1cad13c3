"""Runs at the start of a local AWS whose Python has a poorer ``ssl``, as other builds have.

``SSL_LACKS`` names what is missing, with colons between: cipher suites, or the private interface ``_msg_callback``.
"""

from __future__ import annotations

import os
import ssl
from typing import Any

_LACKS = set(os.environ.get("SSL_LACKS", "").split(":"))


def _set_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    _rich(context, ":".join(each for each in ciphers.split(":") if each not in _LACKS))


_rich: Any = ssl.SSLContext.set_ciphers
ssl.SSLContext.set_ciphers = _set_ciphers  # type: ignore[method-assign]
if "_msg_callback" in _LACKS:
    ssl.SSLContext._msg_callback = property()  # type: ignore[attr-defined]
