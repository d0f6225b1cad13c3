"""Runs an app, given by its file, with cdk-nag's AwsSolutions pack; prints what it finds, a line each.

Findings on this library's constructs are acknowledged by ``acknowledge_findings``. Those on the resources that AWS's
own pipeline constructs make are not ours to change: they are left out here, with their reasons.
"""

from __future__ import annotations

import json
import os
import re
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
#: CDK Pipelines' artifact bucket, whose accesses are the pipeline's own; and the roles that it makes for its actions.
_OF_PIPELINES = re.compile(r"AwsSolutions-(S1$|IAM5\[)")
#: A verify step's role is in part ours: of it, what CodeBuild gets for artifacts, logs and reports.
_OF_VERIFYING = re.compile(
    r"AwsSolutions-IAM5\[(Action::(s3|kms):|Resource::(<\w*ArtifactsBucket|.*:(log|report)-group[:/]))"
)


def findings(report: Path) -> Iterator[str]:
    """What the report has, and nobody gave a reason for."""
    for plugin in json.loads(report.read_text(encoding="utf-8"))["pluginReports"]:
        for violation in plugin["violations"]:
            for construct in violation["violatingConstructs"]:
                rule, path = violation["ruleName"], construct["constructPath"]
                theirs = _OF_VERIFYING if "/Verify" in path else _OF_PIPELINES
                if not (path.startswith(_PIPELINE) and theirs.match(rule)):
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
