"""Tells AWS's answers from anybody else's: a proxy's page, or a captive portal's, comes under status 200 too.

botocore fills what such an answer lacks with nothing, and nothing looks like a difference: no tags, no template. As a
refusal it would look like one of AWS's, or like a fault of this tool.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError
from botocore.parsers import ResponseParserFactory
from botocore.utils import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botocore.session import Session

_KINDS: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "timestamp": dt.datetime,
    "blob": bytes,
    "structure": dict,
    "map": dict,
    "list": list,
}
#: A text of IAM's, in whose place botocore has put what it says by the time it is looked at.
_READ_BY_BOTOCORE = "policyDocumentType"
#: What is read of each answer and is in every one, which AWS's models do not say. ``*``: in each of a list.
_ALWAYS = {
    "AssumeRole": ("Credentials.AccessKeyId", "Credentials.SecretAccessKey", "Credentials.SessionToken"),
    "GetCallerIdentity": ("Account", "Arn"),
    "DescribeEndpoint": ("endpointAddress",),
    "GetRegistrationCode": ("registrationCode",),
    "DescribeCACertificate": (
        "certificateDescription.certificateArn",
        "certificateDescription.certificateId",
        "certificateDescription.status",
    ),
    "ListTagsForResource": ("tags.*.Key",),
    "ListCACertificates": ("certificates.*.certificateId",),
    "ListProvisioningTemplates": ("templates.*.templateName",),
    "ListTopicRules": ("rules.*.ruleName",),
    "GetTopicRule": ("ruleArn", "rule.ruleName"),
    "GetPolicy": ("Policy",),
    "DescribeParameters": ("Parameters",),
    "DescribeTable": ("Table.TableName",),
    "DescribeStackResource": ("StackResourceDetail.ResourceStatus",),
    "DescribeStackResources": ("StackResources.*.StackId",),
    "DescribeStacks": ("Stacks.0.StackStatus",),
    "DescribeStackSet": ("StackSet",),
    "ListStackInstances": ("Summaries.*.Account", "Summaries.*.Region"),
    "DescribeOrganization": ("Organization.MasterAccountId",),
    "GetPublicKey": ("KeyUsage", "KeySpec", "PublicKey"),
    "Sign": ("Signature",),
    "DescribeCertificateAuthority": ("CertificateAuthority.Status",),
    "GetCertificateAuthorityCertificate": ("Certificate",),
    "IssueCertificate": ("CertificateArn",),
    "GetCertificate": ("Certificate",),
    "ListAccountsForParent": ("Accounts.*.Id",),
    "ListOrganizationalUnitsForParent": ("OrganizationalUnits.*.Id",),
}


class StrangeAnswerError(BotoCoreError):  # type: ignore[misc]
    """An answer that AWS did not give."""

    fmt = "the answer is none of AWS's but {what}, of something between here and AWS, such as a proxy"


class _Parsers(ResponseParserFactory):  # type: ignore[misc]
    """botocore's, whose parsers fail as they like over what is not AWS's; some tell all of it, STS's secrets too."""

    def create_parser(self, protocol_name: str) -> Any:
        """As botocore calls it, for each answer."""
        parser = super().create_parser(protocol_name)
        parse = parser.parse

        def parsed(response: Mapping[str, Any], shape: Any) -> Any:
            try:
                return parse(response, shape)
            except Exception as error:
                raise StrangeAnswerError(what=f"one that cannot be read ({type(error).__name__})") from None

        parser.parse = parsed
        return parser


def read_carefully(session: Session, *, timestamp_parser: Any = parse_timestamp) -> None:
    """Let each call of a session's clients raise `StrangeAnswerError` for an answer that cannot be read at all."""
    parsers = _Parsers()
    parsers.set_parser_defaults(timestamp_parser=timestamp_parser)
    session.register_component("response_parser_factory", parsers)


def refuse_strangers(client: Any) -> None:
    """Let each call of a client raise `StrangeAnswerError` for an answer that is not AWS's."""
    client.meta.events.register("before-parse", _check)
    client.meta.events.register("after-call", _check_members)


def _check(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    body, status = response_dict["body"], response_dict["status_code"]
    as_json = "json" in operation_model.service_model.metadata["protocol"]
    if status >= 300:
        # Of an error of the server's own, no more is told than its status: a balancer of AWS's sends a page as well.
        if status < 500 and not _is_refusal(response_dict, as_json=as_json):
            raise StrangeAnswerError(what=_shown(body))
    elif as_json:
        _check_json(operation_model, body)
    elif f"<{operation_model.name}Response".encode() not in body[:1_000]:
        raise StrangeAnswerError(what=_shown(body))


def _is_refusal(response_dict: Mapping[str, Any], *, as_json: bool) -> bool:
    """Whether an error is AWS's: it has a code, which stands in a header where the body is JSON."""
    if not as_json:
        return b"<Error" in response_dict["body"] and b"<Code>" in response_dict["body"]
    if "x-amzn-errortype" in {name.lower() for name in response_dict["headers"]}:
        return True
    try:
        held = json.loads(response_dict["body"])
    except ValueError:
        return False
    return isinstance(held, dict) and any(
        key in held for key in ("code", "Code", "__type", "message", "Message")
    )


def _check_json(operation_model: Any, body: bytes) -> None:
    try:
        held = json.loads(body)
    except ValueError:
        raise StrangeAnswerError(what=_shown(body)) from None
    shape = operation_model.output_shape
    known = (
        {member.serialization.get("name", name) for name, member in shape.members.items()} if shape else set()
    )
    if not isinstance(held, dict) or (held and not known & held.keys()):
        raise StrangeAnswerError(what=_shown(body))


def _check_members(http_response: Any, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
    """botocore takes whatever kind of JSON stands for a text; and what is always there may be gone."""
    if http_response.status_code >= 300:
        return
    if model.output_shape is not None and not _fits(parsed, model.output_shape):
        raise StrangeAnswerError(what="one of another form")
    for path in _ALWAYS.get(model.name, ()):
        if not _holds(parsed, path.split(".")):
            raise StrangeAnswerError(what=f"one without {path.replace('.*', '')}")


def _fits(value: Any, shape: Any) -> bool:
    """Whether all that is there is of the kind that AWS's model says."""
    kind = shape.type_name
    if shape.name == _READ_BY_BOTOCORE:
        return isinstance(value, str | dict)
    if not isinstance(value, _KINDS.get(kind, object)):
        return False
    if kind == "structure":
        known = ((value.get(name), member) for name, member in shape.members.items())
        return all(_fits(held, member) for held, member in known if held is not None)
    if kind == "list":
        return all(_fits(each, shape.member) for each in value)
    return kind != "map" or all(_fits(each, shape.value) for each in value.values())


def _holds(value: Any, path: Sequence[str]) -> bool:
    if not path:
        return value is not None
    step, *rest = path
    if step == "*":
        return all(_holds(each, rest) for each in value or ())
    if step == "0":
        return bool(value) and _holds(value[0], rest)
    return isinstance(value, dict) and _holds(value.get(step), rest)


def _shown(body: bytes) -> str:
    text = " ".join(body[:60].decode("utf-8", "replace").split())
    return repr(text) if text else "empty"
