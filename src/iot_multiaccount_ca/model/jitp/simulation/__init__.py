"""What JITP would do with a device certificate: a dry run of a template body, offline. Changes nothing, asks nobody."""

from __future__ import annotations

from .device import load_device_certificate
from .engine import simulate
from .fleet import collisions, repeated
from .values import Finding, Parameter, Policy, Provisioning, Severity, Source

__all__ = [
    "Finding",
    "Parameter",
    "Policy",
    "Provisioning",
    "Severity",
    "Source",
    "collisions",
    "load_device_certificate",
    "repeated",
    "simulate",
]
