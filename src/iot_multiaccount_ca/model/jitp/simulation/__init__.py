"""What JITP would do with a device certificate: a dry run of a template body, offline. Changes nothing, asks nobody."""

from __future__ import annotations

from ..findings import Finding, Severity
from ..policy_rules import Policy
from .certificate_checks import check_certificate
from .chain import check_chain, is_issuer
from .device import Reading, load_device_certificate, read_devices, read_file, read_one_device
from .engine import dry_run, simulate
from .fleet import collisions, repeated
from .values import Parameter, Provisioning, Source

__all__ = [
    "Finding",
    "Parameter",
    "Policy",
    "Provisioning",
    "Reading",
    "Severity",
    "Source",
    "check_certificate",
    "check_chain",
    "collisions",
    "dry_run",
    "is_issuer",
    "load_device_certificate",
    "read_devices",
    "read_file",
    "read_one_device",
    "repeated",
    "simulate",
]
