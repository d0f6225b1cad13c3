"""What a JITP template body must look like: one function a rule. Reads parsed JSON, and resolves nothing.

The rules are those of "Provisioning templates" and "Just-in-time provisioning" in the AWS IoT developer guide.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ...errors import (
    CertificateResourceError,
    MultipleThingsError,
    OverrideSettingsError,
    PolicyDocumentError,
    PolicySourceError,
    ProvisioningTemplateError,
    UndeclaredReferenceError,
    UnknownFunctionError,
    UnknownParameterError,
    UnknownResourceTypeError,
    UnknownSectionError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PARAMETER_PREFIX = "AWS::IoT::Certificate::"
#: The subject fields that JITP reads into parameters, by parameter name; ``Id`` comes from the certificate itself.
SUBJECT_PARAMETERS = tuple(
    PARAMETER_PREFIX + field
    for field in (
        "Country",
        "Organization",
        "OrganizationalUnit",
        "DistinguishedNameQualifier",
        "StateName",
        "CommonName",
        "SerialNumber",
    )
)
CERTIFICATE_ID = PARAMETER_PREFIX + "Id"
PARAMETERS = (*SUBJECT_PARAMETERS, CERTIFICATE_ID)

THING, CERTIFICATE, POLICY = "AWS::IoT::Thing", "AWS::IoT::Certificate", "AWS::IoT::Policy"
_SECTIONS = frozenset({"Parameters", "Mappings", "Resources", "DeviceConfiguration"})
_RESOURCE_KEYS = frozenset({"Type", "Properties", "OverrideSettings"})
_PROPERTIES: Mapping[str, frozenset[str]] = {
    THING: frozenset({"ThingName", "AttributePayload", "ThingTypeName", "ThingGroups", "BillingGroup"}),
    CERTIFICATE: frozenset({"CertificateId", "Status", "ThingPrincipalType"}),
    POLICY: frozenset({"PolicyName", "PolicyDocument"}),
}
_OVERRIDES = frozenset({"DO_NOTHING", "REPLACE", "FAIL", "MERGE"})
_STATUSES = frozenset({"ACTIVE", "INACTIVE"})
FUNCTIONS = ("Ref", "Fn::Join", "Fn::Select", "Fn::FindInMap", "Fn::Split", "Fn::Sub")
_ARITY = {"Fn::Join": 2, "Fn::Select": 2, "Fn::FindInMap": 3, "Fn::Split": 2}
SUB_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def check_body(body: Mapping[str, Any]) -> None:
    """Raise the `ProvisioningTemplateError` of the first rule that the parsed template body breaks."""
    unknown = sorted(set(body) - _SECTIONS)
    if unknown:
        raise UnknownSectionError(
            "the template has a section that JITP does not know", value=unknown[0], allowed=_list(_SECTIONS)
        )
    declared = _check_parameters(_mapping(body, "Parameters"))
    mappings = _mapping(body, "Mappings")
    resources = _mapping(body, "Resources")
    for name, resource in resources.items():
        _check_resource(name, resource)
    _check_counts(resources)
    for path, function, argument in _functions(body.get("Resources"), "Resources"):
        _check_function(path, function, argument, declared, mappings)


def _mapping(body: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    value = body.get(section, {})
    if not isinstance(value, dict):
        raise ProvisioningTemplateError(
            f"the template's {section} are no object", value=type(value).__name__, allowed="a JSON object"
        )
    return value


def _check_parameters(parameters: Mapping[str, Any]) -> frozenset[str]:
    for name, spec in parameters.items():
        if name not in PARAMETERS:
            raise UnknownParameterError(
                "the template declares a parameter that JITP does not fill",
                value=name,
                allowed=", ".join(PARAMETERS),
                fix="JITP has the fields of the device certificate's subject and nothing else; use one of them",
            )
        if not isinstance(spec, dict) or spec.get("Type") != "String" or set(spec) - {"Type", "Default"}:
            raise UnknownParameterError(
                f"the parameter {name} is declared wrongly",
                value=spec,
                allowed='{"Type": "String"}, with a "Default" of text if you like',
            )
        if not isinstance(spec.get("Default", ""), str):
            raise UnknownParameterError(
                f"the Default of {name} is no text", value=spec["Default"], allowed="a string"
            )
    return frozenset(parameters)


def _check_resource(name: str, resource: Any) -> None:
    kind = resource.get("Type") if isinstance(resource, dict) else None
    if not isinstance(kind, str) or kind not in _PROPERTIES:
        raise UnknownResourceTypeError(
            f"the resource {name!r} is of a type that JITP cannot make",
            value=kind,
            allowed=_list(_PROPERTIES),
        )
    properties = resource.get("Properties", {})
    if not isinstance(properties, dict):
        raise UnknownSectionError(
            f"the Properties of {name!r} are no object", value=type(properties).__name__
        )
    for found, allowed in ((set(resource), _RESOURCE_KEYS), (set(properties), _PROPERTIES[kind])):
        if found - allowed:
            raise UnknownSectionError(
                f"the resource {name!r} ({kind}) has a key that JITP does not know",
                value=min(found - allowed),
                allowed=_list(allowed),
            )
    _check_overrides(name, resource.get("OverrideSettings", {}))
    if kind == CERTIFICATE:
        _check_certificate(name, properties)
    elif kind == POLICY:
        _check_policy(name, properties)
    elif "ThingName" not in properties:
        raise ProvisioningTemplateError(
            f"the thing {name!r} has no ThingName",
            fix='name it after the device, such as {"Ref": "AWS::IoT::Certificate::CommonName"}',
        )


def _check_overrides(name: str, settings: Any) -> None:
    wrong = (
        settings if not isinstance(settings, dict) else [v for v in settings.values() if v not in _OVERRIDES]
    )
    if wrong:
        raise OverrideSettingsError(
            f"the OverrideSettings of {name!r} are unknown", value=wrong, allowed=_list(_OVERRIDES)
        )


def _check_certificate(name: str, properties: Mapping[str, Any]) -> None:
    wanted = {"Ref": CERTIFICATE_ID}
    if properties.get("CertificateId") != wanted:
        raise CertificateResourceError(
            f"the certificate {name!r} is not the certificate of the device that connects",
            value=properties.get("CertificateId"),
            allowed=f'"CertificateId": {json.dumps(wanted)}',
        )
    status = properties.get("Status", "ACTIVE")
    if isinstance(status, str) and status.upper() not in _STATUSES:
        raise CertificateResourceError(
            f"the Status of {name!r} is unknown", value=status, allowed=_list(_STATUSES)
        )


def _check_policy(name: str, properties: Mapping[str, Any]) -> None:
    given = [key for key in ("PolicyName", "PolicyDocument") if key in properties]
    if len(given) != 1:
        raise PolicySourceError(
            f"the policy {name!r} has {'both' if given else 'neither'} of PolicyName and PolicyDocument",
            allowed="exactly one: the name of a policy that exists, or a document",
        )
    if given == ["PolicyDocument"]:
        _check_policy_document(name, properties["PolicyDocument"])


def _check_policy_document(name: str, document: Any) -> None:
    if isinstance(document, dict) and len(document) == 1 and next(iter(document)) in FUNCTIONS:
        return
    parsed: Any = None
    if isinstance(document, str):
        try:
            parsed = json.loads(document)
        except ValueError as error:
            raise PolicyDocumentError(
                f"the PolicyDocument of {name!r} is no JSON: {error}",
                value=document,
                allowed="a policy as a JSON string",
            ) from None
    if not isinstance(parsed, dict) or "Statement" not in parsed:
        raise PolicyDocumentError(
            f"the PolicyDocument of {name!r} is no policy",
            value=document,
            allowed='a JSON string such as "{\\"Version\\":\\"2012-10-17\\",\\"Statement\\":[…]}"',
            fix="turn the policy into a string with json.dumps",
        )


def _check_counts(resources: Mapping[str, Any]) -> None:
    by_kind = {kind: [n for n, r in resources.items() if r["Type"] == kind] for kind in (THING, CERTIFICATE)}
    if len(by_kind[CERTIFICATE]) != 1:
        raise CertificateResourceError(
            f"the template has {len(by_kind[CERTIFICATE]) or 'no'} certificate resources",
            value=by_kind[CERTIFICATE] or None,
            allowed=f"exactly one {CERTIFICATE}",
            fix='without {"Type": "AWS::IoT::Certificate"} the device\'s certificate is never activated',
        )
    if len(by_kind[THING]) > 1:
        raise MultipleThingsError(
            "the template makes more than one thing", value=by_kind[THING], allowed="at most one"
        )


def _functions(value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Every function in the tree, with where it stands."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _functions(each, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            if (key == "Ref" and len(value) == 1) or key.startswith("Fn::"):
                yield path, key, each
            yield from _functions(each, f"{path}.{key}")


def _check_function(
    path: str, function: str, argument: Any, declared: frozenset[str], mappings: Mapping[str, Any]
) -> None:
    if function not in FUNCTIONS:
        raise UnknownFunctionError(
            f"{path} uses a function that provisioning templates do not have",
            value=function,
            allowed=", ".join(FUNCTIONS),
        )
    arity = _ARITY.get(function)
    if arity is not None and not (isinstance(argument, list) and len(argument) == arity):
        raise UnknownFunctionError(
            f"{function} at {path} has the wrong arguments", value=argument, allowed=f"a list of {arity}"
        )
    if function == "Ref":
        _check_reference(path, argument, declared)
    elif function == "Fn::Sub":
        _check_sub(path, argument, declared)
    elif function == "Fn::FindInMap" and isinstance(argument[0], str) and argument[0] not in mappings:
        raise UndeclaredReferenceError(
            f"Fn::FindInMap at {path} names a map that the template does not have",
            value=argument[0],
            allowed=_list(mappings) or "none: the template has no Mappings",
        )


def _check_reference(path: str, name: Any, declared: frozenset[str]) -> None:
    if not isinstance(name, str) or name not in declared:
        raise UndeclaredReferenceError(
            f"{path} refers to a parameter that the template does not declare",
            value=name,
            allowed=_list(declared) or "none: the template has no Parameters",
            fix=f'declare it: "Parameters": {{"{name}": {{"Type": "String"}}}}'
            if name in PARAMETERS
            else None,
        )


def _check_sub(path: str, argument: Any, declared: frozenset[str]) -> None:
    text, local = (argument, {}) if isinstance(argument, str) else _sub_pair(path, argument)
    for variable in SUB_VARIABLE.findall(text):
        if variable.startswith("!") or variable in local or variable in declared:
            continue
        fix = f"write ${{!{variable}}} for a policy variable" if variable.startswith("iot:") else None
        raise UndeclaredReferenceError(
            f"Fn::Sub at {path} names what the template does not declare",
            value=variable,
            allowed=_list({*declared, *local}) or "none",
            fix=fix,
        )


def _sub_pair(path: str, argument: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str):
        text, local = argument
        if isinstance(local, dict):
            return text, local
    raise UnknownFunctionError(
        f"Fn::Sub at {path} has the wrong arguments", value=argument, allowed="text, or [text, {name: value}]"
    )


def _list(names: Any) -> str:
    return ", ".join(sorted(names))
