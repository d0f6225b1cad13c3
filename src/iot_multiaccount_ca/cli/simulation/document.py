"""The JSON of ``iot-ca simulate``: a shape with a version, which keeps its promises. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...model.jitp.simulation import repeated
from ...model.target import partition_of

if TYPE_CHECKING:
    from ...model.jitp.simulation import Provisioning
    from .dry_runs import DryRun, DryRuns

SIMULATE = "iot-ca/simulate"
SIMULATE_VERSION = 1


def simulate_document(made: DryRuns, *, problems_only: bool) -> dict[str, Any]:
    """The dry runs as JSON has them."""
    place = made.registration
    return {
        "exitCode": made.exit_code,
        "template": made.template,
        "stage": made.stage,
        "account": place.account,
        "region": place.region,
        "partition": partition_of(place.region),
        "caCertificateId": place.authority.certificate_id if place.authority else None,
        "counts": made.counts,
        "devices": [_device(each) for each in (made.problems if problems_only else made.results)],
        "leftOut": [{"file": each.file, "reason": each.reason} for each in made.left_out],
        "collisions": [{"thingName": name, "files": list(files)} for name, files in made.collisions.items()],
        "repeatedCertificates": [{"files": list(files)} for files in repeated(made.answered)],
    }


def _device(each: DryRun) -> dict[str, Any]:
    return {
        "file": each.file,
        "number": each.number,
        "form": each.form,
        "state": each.state,
        "problem": each.problem,
        "result": None if each.run is None else _result(each.run),
    }


def _result(run: Provisioning) -> dict[str, Any]:
    return {
        "certificateId": run.certificate_id,
        "subject": run.subject,
        "chains": run.chains,
        "certificateStatus": run.certificate_status,
        "parameters": [
            {"name": each.name, "value": each.value, "source": str(each.source)} for each in run.parameters
        ],
        "thing": {
            "name": run.thing_name,
            "nameInHex": run.thing_name_in_hex,
            "attributes": dict(run.attributes),
            "type": run.thing_type,
            "groups": list(run.thing_groups),
            "billingGroup": run.billing_group,
            "packageVersions": dict(run.package_versions),
        }
        if run.makes_thing
        else None,
        "policies": [
            {"name": each.name, "document": each.text, "variables": list(each.variables)}
            for each in run.policies
        ],
        "findings": [
            {"severity": str(each.severity), "code": each.code, "problem": each.problem, "fix": each.fix}
            for each in run.findings
        ],
    }
