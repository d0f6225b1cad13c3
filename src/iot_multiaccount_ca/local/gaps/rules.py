"""A topic rule invokes a Lambda function only where the function's policy lets it, and asynchronously.

"Lambda" among the rule actions of the developer guide: the rules engine needs a resource policy for iot.amazonaws.com,
and what it cannot invoke goes to the rule's error action. Lambda runs an asynchronous event that failed again, and then
hands it to the function's dead-letter queue, which a stack's function has, too.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import request_scope
from ministack.services import iot, lambda_svc
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Callable

_SERVICE = "iot.amazonaws.com"


class UninvokableError(RuntimeError):
    """Why a rule cannot invoke a function."""


def close() -> None:
    """Wrap how rule actions are carried out."""
    dispatch = iot._dispatch_rule_action

    async def dispatch_rule_action(
        account: str, region: str, rule_name: str, action: dict[str, Any], event: Any
    ) -> None:
        function_arn = (action.get("lambda") or {}).get("functionArn")
        if function_arn:
            with request_scope(account, region):
                _invoke(account, region, rule_name, function_arn, event)
        else:
            await dispatch(account, region, rule_name, action, event)

    iot._dispatch_rule_action = dispatch_rule_action
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    for operation, position in (("create", 1), ("update", 2)):
        handlers[operation] = _with_dead_letters(handlers[operation], position)


def _with_dead_letters(provision: Callable[..., Any], position: int) -> Callable[..., Any]:
    """Keep the ``DeadLetterConfig`` of the properties at this position."""

    @functools.wraps(provision)
    def provision_with_dead_letters(*arguments: Any, **more: Any) -> Any:
        answer = provision(*arguments, **more)
        name = answer[0] if isinstance(answer, tuple) else answer
        function = lambda_svc._functions.get(name)
        if function is not None:
            function["config"]["DeadLetterConfig"] = arguments[position].get("DeadLetterConfig") or {}
        return answer

    return provision_with_dead_letters


def _invoke(account: str, region: str, rule_name: str, function_arn: str, event: Any) -> None:
    function, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
        function_arn, account_id=account, region=region
    )
    if not function or not config:
        message = f"ResourceNotFoundException: function {function_arn} does not exist"
        raise UninvokableError(message)
    context = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account=account,
        action="lambda:InvokeFunction",
        resource_arn=config["FunctionArn"],
        region=region,
        service_context={
            "aws:sourcearn": iot._topic_rule_arn(rule_name),
            "aws:sourceaccount": account,
        },
    )
    if evaluate_resource_policy(function.get("policy"), context, service=_SERVICE).decision != "Allow":
        message = (
            f"AccessDeniedException: the policy of {function_arn} does not let rule {rule_name} invoke it"
        )
        raise UninvokableError(message)
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), event)
