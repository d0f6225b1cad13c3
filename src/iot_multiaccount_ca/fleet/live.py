"""Reads what AWS holds of one registration, in the account that the calling thread has entered. Judges nothing."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ..model.ownership import StackId
from .refusals import REGION_CODES, SIGNATURE_CODES, is_throttled, policy_advice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..model.target import Target

_NOT_FOUND = "ResourceNotFoundException"
# IAM has no endpoint of its own in a region; each partition answers in one.
_IAM_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


class UnreadableError(Exception):
    """A call that the check cannot do without failed; the message names call, cause and fix."""


@dataclass(frozen=True, slots=True)
class LiveRegistration:
    """A CA as AWS IoT holds it. Words are AWS's own; times are aware, UTC."""

    certificate_id: str
    arn: str
    mode: str
    status: str
    auto_registration: str
    template_name: str | None
    inline_template: bool
    not_valid_after: dt.datetime | None
    fingerprint: str | None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LiveTemplate:
    """A provisioning template as AWS IoT holds it. ``role_exists`` is None where IAM would not say."""

    name: str
    enabled: bool
    type: str
    role_arn: str
    role_exists: bool | None
    body: str


@dataclass(frozen=True, slots=True)
class LiveRule:
    """A topic rule as AWS IoT lists it."""

    name: str
    topic: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class LiveRulePayload:
    """A topic rule whole: ``payload`` is what ``replace-topic-rule`` takes."""

    name: str
    arn: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LiveFunction:
    """A Lambda function; ``policy`` says in JSON who may call it, and is None where there is none."""

    arn: str
    environment: Mapping[str, str]
    policy: str | None


@dataclass(frozen=True, slots=True)
class LiveResource:
    """A resource of a deployed stack, as CloudFormation knows it."""

    status: str
    physical_id: str | None


class Reader:
    """Reads one account and region. ``client`` gives a client by service and region."""

    def __init__(self, client: Callable[[str, str], Any], target: Target, identity: str) -> None:
        self._client = client
        self._account = target.account
        self._region = target.region
        self._partition = target.partition
        self._identity = identity
        self._gone: dict[str, bool] = {}
        self._templates: dict[str, LiveTemplate | None] = {}
        self._rules: list[LiveRule] | None = None
        self._resources: dict[tuple[str, str], LiveResource | None] = {}

    def endpoint(self) -> str:
        """The host name that devices dial and must send as SNI."""
        iot = self._client("iot", self._region)
        return str(
            self._call("iot:DescribeEndpoint", iot.describe_endpoint, {"endpointType": "iot:Data-ATS"})[
                "endpointAddress"
            ]
        )

    def registration(self, certificate_id: str) -> LiveRegistration | None:
        """The CA of that id with its tags, or None where it is not registered."""
        iot = self._client("iot", self._region)
        answer = self._call(
            "iot:DescribeCACertificate", iot.describe_ca_certificate, {"certificateId": certificate_id}
        )
        if answer is None:
            return None
        held = answer["certificateDescription"]
        config = answer.get("registrationConfig") or {}
        tags: dict[str, str] = {}
        request = {"resourceArn": held["certificateArn"]}
        for page in self._pages("iot:ListTagsForResource", iot.list_tags_for_resource, request):
            if page is None:  # deleted in between
                return None
            tags.update({tag["Key"]: tag.get("Value", "") for tag in page.get("tags", ())})
        return LiveRegistration(
            certificate_id=held["certificateId"],
            arn=held["certificateArn"],
            mode=held.get("certificateMode") or "DEFAULT",  # registered before there were modes
            status=held["status"],
            auto_registration=held.get("autoRegistrationStatus", "DISABLE"),
            template_name=config.get("templateName"),
            inline_template=bool(config.get("templateBody")),
            not_valid_after=_utc((held.get("validity") or {}).get("notAfter")),
            fingerprint=_fingerprint(held.get("certificatePem", "")),
            tags=tags,
        )

    def template(self, name: str) -> LiveTemplate | None:
        """The provisioning template of that name, or None where there is none. Asked once."""
        if name not in self._templates:
            self._templates[name] = self._read_template(name)
        return self._templates[name]

    def rules(self) -> list[LiveRule]:
        """All topic rules. Asked once, and not by topic: what AWS counts as a rule's topic is not documented."""
        if self._rules is None:
            iot = self._client("iot", self._region)
            self._rules = [
                LiveRule(each["ruleName"], each.get("topicPattern", ""), enabled=not each.get("ruleDisabled"))
                for page in self._pages("iot:ListTopicRules", iot.list_topic_rules, {})
                for each in page.get("rules", ())
            ]
        return self._rules

    def resource(self, stack_name: str, logical_id: str) -> LiveResource | None:
        """What CloudFormation holds of a resource, or None where stack or resource is not deployed. Asked once.

        Raises `UnreadableError` where it may not be asked.
        """
        key = (stack_name, logical_id)
        if key not in self._resources:
            cloudformation = self._client("cloudformation", self._region)
            answer = self._call(
                "cloudformation:DescribeStackResource",
                cloudformation.describe_stack_resource,
                {"StackName": stack_name, "LogicalResourceId": logical_id},
                absent=("ValidationError",),
            )
            detail = answer["StackResourceDetail"] if answer is not None else None
            if detail is not None:
                self._gone[detail.get("StackId", "")] = (
                    False  # by its name only a stack that is there is found
                )
            self._resources[key] = (
                LiveResource(detail["ResourceStatus"], detail.get("PhysicalResourceId"))
                if detail is not None
                else None
            )
        return self._resources[key]

    def stack_is_gone(self, stack: StackId) -> bool:
        """Whether CloudFormation says so of that very stack: deleted, or unknown by its full id. Asked once.

        One that failed to be deleted, or to be made, is there; so is one of another account or region, for all that is
        known here. Raises `UnreadableError` where it may not be asked.
        """
        if stack.region != self._region or stack.account != self._account:
            return False
        if stack.text not in self._gone:
            answer = self._call(
                "cloudformation:DescribeStacks",
                self._client("cloudformation", self._region).describe_stacks,
                {"StackName": stack.text},
                absent=("ValidationError",),
                absent_says="does not exist",
            )
            self._gone[stack.text] = answer is None or answer["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
        return self._gone[stack.text]

    def stack_of(self, physical_id: str) -> StackId | None:
        """The stack that has a resource, or None. Raises `UnreadableError` where it may not be asked."""
        answer = self._call(
            "cloudformation:DescribeStackResources",
            self._client("cloudformation", self._region).describe_stack_resources,
            {"PhysicalResourceId": physical_id},
            absent=("ValidationError",),
            absent_says="does not exist",
        )
        held = answer["StackResources"] if answer is not None else ()
        return StackId.parse(held[0]["StackId"]) if held else None

    def certificate_ids(self) -> list[str]:
        """The ids of all CAs that are registered."""
        iot = self._client("iot", self._region)
        pages = self._pages(
            "iot:ListCACertificates", iot.list_ca_certificates, {"pageSize": 250}, ("nextMarker", "marker")
        )
        return [each["certificateId"] for page in pages for each in (page or {}).get("certificates", ())]

    def template_names(self) -> list[str]:
        """The names of all provisioning templates of type JITP."""
        iot = self._client("iot", self._region)
        pages = self._pages(
            "iot:ListProvisioningTemplates", iot.list_provisioning_templates, {"maxResults": 250}
        )
        found = [each for page in pages for each in (page or {}).get("templates", ())]
        return [each["templateName"] for each in found if each.get("type") == "JITP"]

    def function(self, name: str) -> LiveFunction | None:
        """A Lambda function of that name, or None where there is none."""
        client, request = self._client("lambda", self._region), {"FunctionName": name}
        answer = self._call("lambda:GetFunctionConfiguration", client.get_function_configuration, request)
        if answer is None:
            return None
        policy = self._call("lambda:GetPolicy", client.get_policy, request)
        variables = dict(answer.get("Environment", {}).get("Variables", {}))
        return LiveFunction(answer["FunctionArn"], variables, policy and policy["Policy"])

    def rule(self, name: str) -> LiveRulePayload | None:
        """A topic rule whole, or None where it is gone."""
        iot = self._client("iot", self._region)
        answer = self._call("iot:GetTopicRule", iot.get_topic_rule, {"ruleName": name})
        if answer is None:
            return None
        payload = {key: each for key, each in answer["rule"].items() if key not in {"ruleName", "createdAt"}}
        return LiveRulePayload(name, answer["ruleArn"], payload)

    def has_list(self, kind: str, name: str) -> bool:
        """Whether a parameter or table of that name is there; one that is given by an ARN is taken to be."""
        if name.startswith("arn:"):  # perhaps of another account
            return True
        if kind == "PARAMETER":
            ssm = self._client("ssm", self._region)
            request = {"ParameterFilters": [{"Key": "Name", "Option": "Equals", "Values": [name]}]}
            tokens = ("NextToken", "NextToken")
            pages = self._pages("ssm:DescribeParameters", ssm.describe_parameters, request, tokens)
            return any(page["Parameters"] for page in pages)
        dynamodb = self._client("dynamodb", self._region)
        return self._call("dynamodb:DescribeTable", dynamodb.describe_table, {"TableName": name}) is not None

    def _read_template(self, name: str) -> LiveTemplate | None:
        iot = self._client("iot", self._region)
        held = self._call(
            "iot:DescribeProvisioningTemplate", iot.describe_provisioning_template, {"templateName": name}
        )
        if held is None:
            return None
        role_arn = held.get("provisioningRoleArn", "")
        return LiveTemplate(
            name=name,
            enabled=bool(held.get("enabled")),
            type=held.get("type", "FLEET_PROVISIONING"),
            role_arn=role_arn,
            role_exists=self._role_exists(role_arn),
            body=held.get("templateBody", ""),
        )

    def _role_exists(self, role_arn: str) -> bool | None:
        name = role_arn.rpartition("/")[2]
        if not name:
            return False
        iam = self._client("iam", _IAM_REGIONS.get(self._partition, self._region))
        try:
            return (
                self._call("iam:GetRole", iam.get_role, {"RoleName": name}, absent=("NoSuchEntity",))
                is not None
            )
        except UnreadableError:
            return None

    def _pages(
        self,
        action: str,
        call: Callable[..., Any],
        request: Mapping[str, Any],
        tokens: tuple[str, str] = ("nextToken", "nextToken"),
    ) -> Iterator[Any]:
        """Each page of a listing; None in place of one that is of something gone.

        ``tokens``: what the answer calls the next page, and what the request does.
        """
        given, asked = tokens
        token: dict[str, str] = {}
        while True:
            page = self._call(action, call, {**request, **token})
            yield page
            if page is None or not page.get(given):
                return
            token = {asked: page[given]}

    def _call(
        self,
        action: str,
        call: Callable[..., Any],
        request: Mapping[str, Any],
        *,
        absent: tuple[str, ...] = (_NOT_FOUND,),
        absent_says: str = "",
    ) -> Any:
        try:
            return call(**request)
        except ClientError as error:
            said = error.response.get("Error", {})
            code = said.get("Code", "unknown")
            if code in absent and absent_says in said.get("Message", ""):
                return None
            raise UnreadableError(_sentence(action, code, said.get("Message", ""), self._identity)) from error
        except BotoCoreError as error:
            fix = "see that the region is enabled, and the network and its proxies; then try again"
            msg = f"{action} got no answer of AWS's in {self._region}: {error}; fix: {fix}"
            raise UnreadableError(msg) from error


def _sentence(action: str, code: str, message: str, identity: str) -> str:
    if code in {"ExpiredToken", "ExpiredTokenException"}:
        fix = "run it again; the session of this account had come to its end"
    elif code in REGION_CODES:
        fix = "see that the region is enabled for the account"
    elif code in SIGNATURE_CODES:
        fix = "see that this machine's clock is right"
    elif "AccessDenied" in code or code == "UnauthorizedException":
        by_policy = policy_advice(message, action=action, identity=identity)
        fix = by_policy or f"allow {action} to {identity}, or name another role with --role-name"
    elif is_throttled(code):
        fix = "try again with a smaller --concurrency"
    else:
        fix = "try again"
    return f"{action} failed ({code}: {message}); fix: {fix}"


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    return moment.astimezone(dt.UTC) if moment is not None else None


def _fingerprint(pem: str) -> str | None:
    """SHA-256 of the DER, in hex, or None where the text holds no PEM."""
    inside = pem.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END CERTIFICATE-----")[0]
    try:
        der = base64.b64decode("".join(inside.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return hashlib.sha256(der).hexdigest() if der else None
