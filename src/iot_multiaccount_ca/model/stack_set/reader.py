"""The role by which `iot-ca verify` looks at an account of a set: its name, who may take it, and what it may read.

IAM knows no regions, and a set has a stack in each: so the role's name ends in the region, and each stack has its own.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from ...errors import InvalidReaderError, StackSetAccountsError
from ..checks import as_items, first_twice
from ..policies import document, trust
from ..target import Target, is_account, is_token
from .neutral import neutral_text

#: In the name, for the region; as `--role-name` of the tools has it.
REGION = "{region}"
# What verify calls, by what it is asked of. A test holds it against the calls that are made.
_READS = (
    (("iot:DescribeCACertificate", "iot:ListTagsForResource"), ("iot", "cacert/*")),
    (("iot:DescribeProvisioningTemplate",), ("iot", "provisioningtemplate/*")),
    (("iot:DescribeEndpoint", "iot:ListCACertificates", "iot:ListProvisioningTemplates"), None),
    (("iam:GetRole",), ("iam", "role/*")),
    (
        (
            "cloudformation:DescribeStackResource",
            "cloudformation:DescribeStackResources",
            "cloudformation:DescribeStacks",
        ),
        ("cloudformation", "stack/*"),
    ),
)
_HERE = Target("{{partition}}", "{{account}}", "{{region}}")
_ROLE_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)


def readers_of(values: Any) -> tuple[str, ...]:
    """Who may take the role, as given: accounts and roles by their form. Raises `InvalidReaderError`."""
    readers = as_items(values, str, "the readers of the set", "str")
    for reader in readers:
        if not is_account(reader) and not _ROLE_ARN.fullmatch(reader):
            token = is_token(reader)
            raise InvalidReaderError(
                "a reader of the set is only known at deployment (a CDK Token)"
                if token
                else "a reader of the set is neither an account nor a role",
                value=None if token else reader,
                allowed="12 digits, or arn:aws:iam::<account>:role/<name>, as a literal string",
                fix="name the account that `iot-ca verify` runs in, or the role that it runs as",
            )
    if (twice := first_twice(readers)) is not None:
        raise StackSetAccountsError("a reader stands twice in the set", value=twice, fix="list it once")
    return readers


def check_partition(readers: tuple[str, ...], partition: str) -> None:
    """Raise `InvalidReaderError` for a role of another partition, which can enter no account of this one."""
    for reader in readers:
        found = _ROLE_ARN.fullmatch(reader)
        if found is not None and found["partition"] != partition:
            raise InvalidReaderError(
                "a reader of the set is of another partition than its regions",
                value=reader,
                allowed=f"a role of {partition}",
                fix="name a role of an account in that partition",
            )


def reader_role_name(set_name: str) -> str:
    """The role's name, with `REGION` in it: at most 64 characters whatever the region, and no other set's."""
    digest = hashlib.sha256(f"{set_name}/reader".encode()).hexdigest()[:8]
    return f"CaReader-{digest}-{REGION}"


def reader_role(set_name: str, readers: tuple[str, ...]) -> dict[str, Any]:
    """The resource. It goes with its stack, whatever becomes of the registration."""
    principals = [
        neutral_text(Target("{{partition}}", each, "").arn("iam", "root")) if is_account(each) else each
        for each in readers
    ]
    statements = [
        {
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": "*" if where is None else neutral_text(_HERE.arn(*where)),
        }
        for actions, where in _READS
    ]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": neutral_text(reader_role_name(set_name).replace(REGION, "{{region}}")),
            "Description": f"What iot-ca verify looks at stack set {set_name} with (iot-multiaccount-ca)",
            "AssumeRolePolicyDocument": trust({"AWS": principals}),
            "Policies": [
                {
                    "PolicyName": "Read",
                    "PolicyDocument": document(statements),
                }
            ],
        },
    }
