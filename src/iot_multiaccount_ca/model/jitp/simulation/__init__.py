"""What JITP would do with a device certificate: a dry run of a template body, offline. Changes nothing, asks nobody."""

from __future__ import annotations

from ..findings import Finding, Severity
from ..policy_rules import Policy
from .device import load_device_certificate
from .engine import dry_run, simulate
from .fleet import collisions, repeated
from .values import Parameter, Provisioning, Source

__all__ = [
    "Finding",
    "Parameter",
    "Policy",
    "Provisioning",
    "Severity",
    "Source",
    "collisions",
    "dry_run",
    "load_device_certificate",
    "repeated",
    "simulate",
]
