"""What of the user's settings reaches the CDK CLI and the apps that it runs: none that leads it astray or phones home.

The CLI takes each of its options from three places more than its command line: ``CDK_<OPTION>`` in the environment,
``cdk.json``, and ``~/.cdk.json``, which belongs to the user and has to be overruled.
"""

from __future__ import annotations

from ..quiet_jsii import QUIET_JSII

#: Options by which a setting of the user's would change whom a command asks, how, or what it does. Those that shape
#: the assembly (context, metadata, validation) and those that only show something are the app's own affair.
KEPT_OUT = (
    *("all", "app", "asset-build-concurrency", "asset-parallelism", "asset-prebuild", "build"),
    *("apply-permissions-boundary-to-all-role", "bootstrap-bucket-name", "bootstrap-customer-key"),
    *("bootstrap-kms-key-id", "build-exclude", "ca-bundle-path", "change-set-name"),
    *("cloudformation-execution-policies", "concurrency", "custom-permissions-boundary", "deny-external-id"),
    *("ec2creds", "example-permissions-boundary", "exclusively", "execute", "express", "force", "hotswap"),
    *("hotswap-ecs-maximum-healthy-percent", "hotswap-ecs-minimum-healthy-percent"),
    *("hotswap-ecs-stabilization-timeout-seconds", "hotswap-fallback", "ignore-no-stacks"),
    *("import-existing-resources", "logs", "lookups", "method", "monitoring-time-minutes", "notices"),
    *(
        "notification-arns",
        "output",
        "outputs-file",
        "parameters",
        "plugin",
        "previous-parameters",
        "profile",
    ),
    *("progress", "proxy", "public-access-block-configuration", "qualifier", "region", "require-approval"),
    *("revert-drift", "role-arn", "rollback", "rollback-trigger-alarm-arns", "show-template", "staging"),
    *("tags", "telemetry-file", "template", "termination-protection", "toolkit-bucket-name"),
    *("toolkit-stack-name", "trust", "trust-for-lookup", "untrust", "watch"),
)
#: What ``~/.cdk.json`` says of these is overruled: an empty value is as good as none.
OVERRULING = ("--profile=", "--proxy=", "--ca-bundle-path=", "--role-arn=")
_NAMES = {f"CDK_{option.upper().replace('-', '_')}" for option in KEPT_OUT}
_ALWAYS = {
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CDK_DISABLE_VERSION_CHECK": "true",
    # What Node says of itself, or the CLI's libraries of the Node below them, is not a step of the work.
    "NODE_NO_WARNINGS": "1",
    # An app leaves no compiled files in its folder.
    "PYTHONDONTWRITEBYTECODE": "1",
    **QUIET_JSII,
}


def surroundings(of_local_aws: dict[str, str]) -> dict[str, str]:
    """The environment for the CLI: that of a local AWS, without the user's settings of the CLI."""
    kept = {name: value for name, value in of_local_aws.items() if name not in _NAMES}
    return kept | _ALWAYS
