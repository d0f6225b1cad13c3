"""Just-in-time registration, planned against live: topic rule, Lambda, what lets the one call the other, and the list.

Pure: asks nobody. Of a target of the user's own, in place of our Lambda, the topic rule alone is looked at.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ..model.jitr.settings import REGISTERED_TOPIC, rule_sql
from ..text import shell
from .compare import anew, argument, same_json
from .difference import Difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .live import LiveFunction, LiveRule, LiveRulePayload
    from .planned import PlannedRegistration

_MEANWHILE = "until then devices stay PENDING_ACTIVATION"
_INVOKE = "lambda:InvokeFunction"
_SERVICE = "iot.amazonaws.com"


def listening(certificate_id: str, rules: Iterable[LiveRule]) -> list[LiveRule]:
    """The rules on a CA's event, disabled ones too."""
    topic = f"{REGISTERED_TOPIC}/{certificate_id}"
    return [rule for rule in rules if rule.topic == topic]


def activation_difference(
    planned: PlannedRegistration, certificate_id: str, heard: Sequence[LiveRule]
) -> Difference | None:
    """A stage whose event nobody gets: its topic rule is gone, or disabled. ``heard``: the rules that listen."""
    if any(rule.enabled for rule in heard):
        return None
    wanted = f"a topic rule on {REGISTERED_TOPIC}/{certificate_id}"
    if heard:
        name = heard[0].name
        region = planned.record.region
        fix = f"run `aws iot enable-topic-rule --region {region} --rule-name {shell(name)}`; {_MEANWHILE}"
        return Difference("activationRule", wanted, f"{name} is disabled", fix)
    fix = (
        "it was deleted outside the stack, or listens to something else: "
        f"{anew(planned, 'the activation')}; {_MEANWHILE}"
    )
    return Difference("activationRule", wanted, None, fix)


def function_differences(
    planned: PlannedRegistration, name: str | None, live: LiveFunction | None
) -> Iterator[Difference]:
    """Where the Lambda that admits devices is gone (``live`` is None), or decides by other rules than planned."""
    activation = planned.activation
    if activation is None:
        return
    if live is None:
        fix = f"it was deleted outside the stack: {anew(planned, 'the activation')}; {_MEANWHILE}"
        yield Difference("activationFunction", name or activation.logical_id, None, fix)
        return
    changed = sorted(
        key
        for key, value in activation.environment.items()
        if not same_json(value, live.environment.get(key, ""))
    )
    if changed:
        environment = {**live.environment, **activation.environment}
        fix = (
            f"its environment was changed outside the stack ({', '.join(changed)}): set it again with "
            f"`aws lambda update-function-configuration --region {planned.record.region} "
            f"--function-name {shell(str(name))} --environment {argument(json.dumps({'Variables': environment}))}`"
        )
        yield Difference("admission", "as in the stack", "changed", fix)


def delivery_difference(
    planned: PlannedRegistration,
    certificate_id: str,
    function: LiveFunction,
    rules: Sequence[LiveRulePayload],
) -> Difference | None:
    """Where the event does not reach our Lambda: no rule sends all of it there, or none of those may call it.

    ``rules``: those that listen and are enabled, one at least.
    """
    region, sql = planned.record.region, rule_sql(certificate_id)
    whole = [rule for rule in rules if _plain(rule.payload.get("sql")) == sql]
    sending = [rule for rule in whole if function.arn in _called(rule.payload)]
    if not sending:
        rule = (whole or rules)[0]
        payload = {**rule.payload, "sql": sql, "actions": [{"lambda": {"functionArn": function.arn}}]}
        fix = (
            "it was changed outside the stack: set it again with "
            f"`aws iot replace-topic-rule --region {region} --rule-name {shell(rule.name)} "
            f"--topic-rule-payload {argument(json.dumps(payload))}`; {_MEANWHILE}"
        )
        says = f"{_plain(rule.payload.get('sql'))} to {', '.join(_called(rule.payload)) or 'no Lambda'}"
        return Difference("activationRule", f"{sql} to {function.arn}", says, fix)
    if any(_may_call(function.policy, rule.arn, planned.record.account) for rule in sending):
        return None
    fix = (
        f"run `aws lambda add-permission --region {region} --function-name {shell(function.arn)} "
        f"--statement-id {planned.record.logical_id}MayInvoke --action {_INVOKE} --principal {_SERVICE} "
        f"--source-account {planned.record.account} --source-arn {shell(sending[0].arn)}`; {_MEANWHILE}"
    )
    return Difference(
        "activationPermission", f"AWS IoT may call it by rule {sending[0].name}", "it may not", fix
    )


def admission_list(planned: PlannedRegistration) -> tuple[str, str] | None:
    """Kind and name of the list by which our Lambda admits devices, where there is one."""
    admission = (planned.record.enrollment or {}).get("admission") or {}
    held = admission.get("list") or {}
    kind, name = held.get("type"), held.get("name")
    return (kind, name) if isinstance(kind, str) and isinstance(name, str) else None


def list_difference(kind: str, name: str) -> Difference:
    """The list is not there: nobody is admitted."""
    what = "parameter" if kind == "PARAMETER" else "table"
    fix = f"make the {what} again, with the devices to admit; {_MEANWHILE}"
    return Difference("admissionList", f"{what} {name}", None, fix)


def _plain(sql: object) -> str:
    return " ".join(str(sql or "").split())


def _called(payload: Mapping[str, Any]) -> list[str]:
    """The functions that a rule's actions call."""
    found = (each.get("lambda", {}).get("functionArn") for each in payload.get("actions") or ())
    return [arn for arn in found if arn]


def _may_call(policy: str | None, rule_arn: str, account: str) -> bool:
    """Whether a function's policy lets AWS IoT call it for a rule."""
    statements = json.loads(policy).get("Statement", []) if policy else []
    return any(_allows(each, rule_arn, account) for each in statements)


def _allows(statement: Mapping[str, Any], rule_arn: str, account: str) -> bool:
    principal = statement.get("Principal")
    services = _several(principal.get("Service") if isinstance(principal, dict) else principal)
    if statement.get("Effect") != "Allow" or not {_SERVICE, "*"} & set(services):
        return False
    if not {_INVOKE, "lambda:*", "*"} & set(_several(statement.get("Action"))):
        return False
    asked = {
        key.lower(): _several(value)
        for condition in (statement.get("Condition") or {}).values()
        for key, value in condition.items()
    }
    wanted = {"aws:sourcearn": rule_arn, "aws:sourceaccount": account}
    return all(
        any(fnmatchcase(value, pattern) for pattern in asked[key])
        for key, value in wanted.items()
        if key in asked
    )


def _several(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
