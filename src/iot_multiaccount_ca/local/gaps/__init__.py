"""What AWS does and the pinned emulator does not, closed from outside: nothing of the emulator's code is copied.

Each module closes the gaps of one subject by wrapping the emulator's own functions; what they do follows AWS IoT's
documents. The documentation's page "The local AWS" lists each gap, its module and its test. Knows nothing of this
project's Lambda or constructs: the emulator must stay a judge of them.
"""

from __future__ import annotations

import importlib.metadata

from ...errors import EmulatorVersionError

MINISTACK_VERSION = "1.5.33"

_closed = False


def check_version(installed: str) -> None:
    """Raise `EmulatorVersionError` unless ``installed`` is the version that the gap-closer was written for."""
    if installed != MINISTACK_VERSION:
        raise EmulatorVersionError(
            "the local AWS runs on one version of ministack only, since its inner functions are wrapped",
            value=installed,
            allowed=MINISTACK_VERSION,
            fix=f"pip install ministack=={MINISTACK_VERSION}",
        )


def close_gaps() -> None:
    """Close every gap in this process; a second call does nothing."""
    global _closed
    if _closed:
        return
    check_version(importlib.metadata.version("ministack"))
    from ..stack_sets import install as stack_sets
    from . import (
        access,
        broker,
        cloudformation,
        exports,
        iam,
        kms,
        mqtt,
        names,
        provisioning,
        registration,
        resource_types,
        routing,
        rules,
        server_certificates,
        tls,
        waiting,
    )

    # Who wraps the same function comes in order: the last one is asked first.
    accounts = (registration, routing, provisioning, cloudformation, exports, names, resource_types, iam)
    services = (kms, rules, stack_sets, waiting)
    devices = (server_certificates, tls, mqtt, broker)
    for subject in (*accounts, *services, *devices, access):
        subject.close()
    _closed = True
