"""IAM as far as the policies of this library go: Allow statements with actions, resources and conditions.

What a call is authorized on follows the Service Authorization Reference of each service. That a provisioning
template's name asks for iam:PassRole on its role is an assumption (docs/aws-assumptions.md).
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.fakes.wire import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from support.fakes.wire import Fake

_WITHOUT_RESOURCE = ("RegisterCACertificate", "GetRegistrationCode", "ListCACertificates")
_OPERATORS = ("StringEquals", "StringLike", "ArnLike")


@dataclass(frozen=True)
class Call:
    """What has to be allowed for a call: action, resource, and the keys that conditions may ask for."""

    action: str
    resource: str
    context: Mapping[str, str]


class RolePolicy:
    """Allow statements, as they stand in a template whose references are resolved."""

    def __init__(self, statements: Iterable[Mapping[str, Any]]) -> None:
        self._statements = [
            {**each, "Action": _list(each["Action"]), "Resource": _list(each["Resource"])}
            for each in statements
        ]
        for each in self._statements:
            assert each["Effect"] == "Allow"
            assert set(each.get("Condition", {})) <= set(_OPERATORS)

    @property
    def actions(self) -> list[str]:
        """Every action that is allowed on something."""
        return sorted({action for each in self._statements for action in each["Action"]})

    def statements(self) -> Iterator[Mapping[str, Any]]:
        """Each, with lists of actions and resources."""
        yield from self._statements

    def without(self, action: str) -> RolePolicy:
        """The same, but for one action."""
        return RolePolicy(
            {**each, "Action": rest}
            for each in self._statements
            if (rest := [name for name in each["Action"] if name != action])
        )

    def allows(self, call: Call) -> bool:
        """Whether a statement allows it."""
        return any(
            call.action in each["Action"]
            and any(fnmatch.fnmatchcase(call.resource, pattern) for pattern in each["Resource"])
            and _holds(each.get("Condition", {}), call.context)
            for each in self._statements
        )


class Guarded:
    """A fake behind a role's policy. ``passes``: the ARNs of the roles that provisioning templates use, by name."""

    def __init__(
        self, fake: Fake, policy: RolePolicy, *, account: str, region: str, passes: Mapping[str, str]
    ) -> None:
        self.service = fake.service
        self._fake, self._policy = fake, policy
        self._place, self._passes = (account, region), passes

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        for call in self._calls(operation, parameters):
            if not self._policy.allows(call):
                raise Refusal("AccessDeniedException", f"not authorized to perform {call.action}", 403)
        return self._fake.answer(operation, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fake, name)

    def _calls(self, operation: str, parameters: Mapping[str, Any]) -> Iterator[Call]:
        account, region = self._place
        if self.service == "iot":
            resource = "*"
            if operation not in _WITHOUT_RESOURCE:
                resource = (
                    parameters.get("resourceArn")
                    or f"arn:aws:iot:{region}:{account}:cacert/{parameters['certificateId']}"
                )
            yield Call(f"iot:{operation}", resource, {})
            template = (parameters.get("registrationConfig") or {}).get("templateName")
            if template:
                context = {"iam:PassedToService": "iot.amazonaws.com"}
                yield Call("iam:PassRole", self._passes[template], context)
        elif self.service == "cloudformation":
            yield Call(f"cloudformation:{operation}", parameters["StackName"], {})
        elif self.service == "secretsmanager":
            secret = f"arn:aws:secretsmanager:{region}:{account}:secret:{parameters['SecretId']}-AbCdEf"
            yield Call("secretsmanager:GetSecretValue", secret, {})
        elif self.service == "kms":
            context = {
                f"kms:{key}": parameters[key]
                for key in ("SigningAlgorithm", "MessageType")
                if key in parameters
            }
            yield Call(f"kms:{operation}", parameters["KeyId"], context)
        else:
            context = (
                {"acm-pca:TemplateArn": parameters["TemplateArn"]} if "TemplateArn" in parameters else {}
            )
            yield Call(f"acm-pca:{operation}", parameters["CertificateAuthorityArn"], context)


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        any(fnmatch.fnmatchcase(context.get(key, ""), value) for value in _list(allowed))
        for wanted in conditions.values()
        for key, allowed in wanted.items()
    )


def _list(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) else [value]
