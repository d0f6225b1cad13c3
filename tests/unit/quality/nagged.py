"""Runs an app, given by its file, with cdk-nag's AwsSolutions pack; prints what it finds, a line each.

Findings on this library's constructs are acknowledged by ``acknowledge_findings``. Those on the resources that AWS's
own pipeline constructs make are not ours to change: they are left out here, with their reasons.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from iot_multiaccount_ca import acknowledge_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIPELINE = "FleetCaPipeline/Pipeline/"
_OF_PIPELINES = {
    "AwsSolutions-S1": "the artifact bucket of CDK Pipelines: its accesses are the pipeline's own",
    "AwsSolutions-IAM5": "the roles that CDK Pipelines makes for its own actions",
}


def findings(report: Path) -> Iterator[str]:
    """What the report has, and nobody gave a reason for."""
    for plugin in json.loads(report.read_text(encoding="utf-8"))["pluginReports"]:
        for violation in plugin["violations"]:
            for construct in violation["violatingConstructs"]:
                rule, path = violation["ruleName"], construct["constructPath"]
                if path.startswith(_PIPELINE) and rule.partition("[")[0] in _OF_PIPELINES:
                    continue
                yield f"{rule} on {path}"


def main(file: str) -> None:
    """Synthesize the app of the file into CDK_OUTDIR, checked."""
    synth = App.synth

    def checked(app: App, *arguments: Any, **named: Any) -> Any:
        Validations.of(app).add_plugins(AwsSolutionsChecks())
        acknowledge_findings(app)
        return synth(app, *arguments, **named)

    App.synth = checked  # type: ignore[method-assign, assignment]
    report = Path(os.environ["CDK_OUTDIR"], "validation-report.json")
    try:
        runpy.run_path(file, run_name="__main__")
    except RuntimeError:
        if not report.exists():
            raise
    # The report is there whether or not something was found: without it nothing was checked.
    sys.stdout.write("\n".join(findings(report)))


if __name__ == "__main__":
    main(sys.argv[1])
