"""What stands in accounts of the local AWS, so that a rehearsal can tell what its stacks left behind. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .emulator import LocalAws

_GLOBAL = "every region"
STACK = "stack"
# What CloudFormation calls it -> kind
_KINDS = {
    "Custom::IotCaCertificate": "CA",
    "AWS::IoT::CACertificate": "CA",
    "AWS::IoT::ProvisioningTemplate": "provisioning template",
    "AWS::Lambda::Function": "function",
    "AWS::Logs::LogGroup": "log group",
    "AWS::IAM::Role": "role",
    "AWS::IoT::TopicRule": "topic rule",
    "AWS::SQS::Queue": "queue",
}


class Found(NamedTuple):
    """Something in an account: a stack, a CA, a provisioning template, a function, a topic rule, …

    No policies of AWS IoT: devices that were let in hold them, whoever made them.
    """

    account: str
    region: str
    kind: str
    name: str

    @property
    def place(self) -> tuple[str, str, str]:
        """Account, region, kind: what `retained` speaks of."""
        return self.account, self.region, self.kind

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.account}/{self.region}"


def inventory(aws: LocalAws, environments: Iterable[tuple[str, str]]) -> set[Found]:
    """Everything of the kinds that this project makes, in these accounts and regions."""
    found: set[Found] = set()
    for account, region in environments:
        for kind, name in _in_region(aws, account, region):
            found.add(Found(account, region, kind, name))
        roles = aws.client("iam", account=account, region=region)
        for name in _all(roles, "list_roles", "Roles", "RoleName"):
            found.add(Found(account, _GLOBAL, "role", name))
    return found


# What one paginated operation lists: kind, service, operation, and under which key which member names each.
_LISTED = (
    ("CA", "iot", "list_ca_certificates", "certificates", "certificateId"),
    ("provisioning template", "iot", "list_provisioning_templates", "templates", "templateName"),
    ("topic rule", "iot", "list_topic_rules", "rules", "ruleName"),
    ("function", "lambda", "list_functions", "Functions", "FunctionName"),
    ("log group", "logs", "describe_log_groups", "logGroups", "logGroupName"),
)


def retained(templates: Iterable[tuple[str, str, Mapping[str, Any]]]) -> set[tuple[str, str, str]]:
    """Where (account, region, kind) a template of (account, region, template) keeps things by a removal policy."""
    return {
        (account, _GLOBAL if _KINDS[resource["Type"]] == "role" else region, _KINDS[resource["Type"]])
        for account, region, template in templates
        for resource in template.get("Resources", {}).values()
        if resource["Type"] in _KINDS and str(resource.get("DeletionPolicy", "")).startswith("Retain")
    }


def _in_region(aws: LocalAws, account: str, region: str) -> Iterator[tuple[str, str]]:
    def client(service: str) -> Any:
        return aws.client(service, account=account, region=region)

    pages = client("cloudformation").get_paginator("list_stacks").paginate()
    for page in pages:
        for stack in page["StackSummaries"]:
            if stack["StackStatus"] != "DELETE_COMPLETE":
                yield STACK, stack["StackName"]
    for kind, service, operation, key, name in _LISTED:
        for found in _all(client(service), operation, key, name):
            yield kind, found
    for page in client("sqs").get_paginator("list_queues").paginate():
        for url in page.get("QueueUrls", ()):
            yield "queue", url.rpartition("/")[2]


def _all(client: Any, operation: str, key: str, name: str) -> Iterator[str]:
    for page in client.get_paginator(operation).paginate():
        for each in page[key]:
            yield each[name]
