"""What a JITP template body must look like: one function for each rule. Reads parsed JSON, and resolves nothing.

The rules are those of "Provisioning templates" and "Just-in-time provisioning" in the AWS IoT developer guide.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ...errors import (
    CertificateResourceError,
    MissingThingNameError,
    MultipleThingsError,
    OverrideSettingsError,
    PolicySourceError,
    TemplateSectionError,
    UndeclaredReferenceError,
    UnknownFunctionError,
    UnknownParameterError,
    UnknownResourceTypeError,
    UnknownSectionError,
)
from .subject_fields import SUBJECT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PARAMETER_PREFIX = "AWS::IoT::Certificate::"
SERIAL_NUMBER = PARAMETER_PREFIX + "SerialNumber"
CERTIFICATE_ID = PARAMETER_PREFIX + "Id"
PARAMETERS = (*(PARAMETER_PREFIX + field for field in SUBJECT_FIELDS), CERTIFICATE_ID)

THING, CERTIFICATE, POLICY = "AWS::IoT::Thing", "AWS::IoT::Certificate", "AWS::IoT::Policy"
_SECTIONS = frozenset({"Parameters", "Mappings", "Resources", "DeviceConfiguration"})
_RESOURCE_KEYS = frozenset({"Type", "Properties", "OverrideSettings"})
_PROPERTIES: Mapping[str, frozenset[str]] = {
    THING: frozenset(
        {"ThingName", "AttributePayload", "ThingTypeName", "ThingGroups", "BillingGroup", "PackageVersions"}
    ),
    CERTIFICATE: frozenset({"CertificateId", "Status", "ThingPrincipalType"}),
    POLICY: frozenset({"PolicyName", "PolicyDocument"}),
}
_OVERRIDES = frozenset({"DO_NOTHING", "REPLACE", "FAIL"})
#: What may be overridden where the thing or certificate exists already; a policy has none ("Override settings").
_OVERRIDABLE: Mapping[str, frozenset[str]] = {
    THING: _PROPERTIES[THING] - {"ThingName"},
    CERTIFICATE: frozenset({"Status"}),
    POLICY: frozenset(),
}
_MERGED = frozenset({"AttributePayload", "ThingGroups"})
# What stands around a template body in calls and answers of AWS IoT, and in CloudFormation.
_AROUND = (
    "registrationConfig",
    "RegistrationConfig",
    "templateBody",
    "TemplateBody",
    "templateName",
    "roleArn",
    "provisioningRoleArn",
)
_PROVISIONING_TEMPLATE = "AWS::IoT::ProvisioningTemplate"
FUNCTIONS = ("Ref", "Fn::Join", "Fn::Select", "Fn::FindInMap", "Fn::Split", "Fn::Sub")
_ARITY = {"Fn::Join": 2, "Fn::Select": 2, "Fn::FindInMap": 3, "Fn::Split": 2}
# No name is longer; without an end, a text full of beginnings would take long.
SUB_VARIABLE = re.compile(r"\$\{([^}]{0,1000})\}")


def check_body(body: Mapping[str, Any]) -> None:
    """Raise the `ProvisioningTemplateError` of the first rule that the parsed template body breaks."""
    _check_is_template(body)
    unknown = sorted(set(body) - _SECTIONS)
    if unknown:
        raise UnknownSectionError(
            "the template has a section that JITP does not know", value=unknown[0], allowed=_list(_SECTIONS)
        )
    declared = _check_parameters(_mapping(body, "Parameters"))
    mappings = _mapping(body, "Mappings")
    _mapping(body, "DeviceConfiguration")
    resources = _mapping(body, "Resources")
    for name, resource in resources.items():
        _check_resource(name, resource)
    _check_counts(resources)
    for section in ("Resources", "DeviceConfiguration"):
        for path, function, argument in functions(body.get(section), section):
            _check_function(path, function, argument, declared, mappings)


def _check_is_template(body: Mapping[str, Any]) -> None:
    """Not what stands around a template in a file for RegisterCACertificate or CloudFormation."""
    around = next((each for each in _AROUND if each in body), None)
    if around is not None:
        raise UnknownSectionError(
            "this is a registration config, and no template body",
            value=around,
            allowed=_list(_SECTIONS),
            fix="give the templateBody in it, as JSON of its own; the role comes from JitpProvisioningTemplate"
            if any(each.lower() == "templatebody" or isinstance(body[each], dict) for each in body)
            else "give the body of the template that it names (aws iot describe-provisioning-template)",
        )
    if "AWSTemplateFormatVersion" in body or _PROVISIONING_TEMPLATE in _kinds(body):
        raise UnknownSectionError(
            "this is a template of CloudFormation, and no template body",
            allowed=_list(_SECTIONS),
            fix=f"give the TemplateBody of its {_PROVISIONING_TEMPLATE}, as JSON of its own",
        )


def _kinds(body: Mapping[str, Any]) -> list[Any]:
    resources = body.get("Resources")
    found = resources.values() if isinstance(resources, dict) else ()
    return [each.get("Type") for each in found if isinstance(each, dict)]


def is_function(value: Any) -> bool:
    """Whether an object is a function, and not an object of names and values."""
    key = next(iter(value), "") if isinstance(value, dict) and len(value) == 1 else ""
    return key == "Ref" or key.startswith("Fn::")


def _mapping(body: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    value = body.get(section, {})
    if not isinstance(value, dict):
        raise TemplateSectionError(
            f"the template's {section} are not an object", value=type(value).__name__, allowed="a JSON object"
        )
    return value


def _check_parameters(parameters: Mapping[str, Any]) -> frozenset[str]:
    for name, spec in parameters.items():
        if name not in PARAMETERS:
            raise UnknownParameterError(
                "the template declares a parameter that JITP does not fill",
                value=name,
                allowed=", ".join(PARAMETERS),
                fix="JITP has these of the device certificate, and nothing else; use one of them",
            )
        if not isinstance(spec, dict) or spec.get("Type") != "String" or set(spec) - {"Type", "Default"}:
            raise UnknownParameterError(
                f"the parameter {name} is declared wrongly",
                value=spec,
                allowed='{"Type": "String"}, with a "Default" of text if you like',
            )
        if not isinstance(spec.get("Default", ""), str):
            raise UnknownParameterError(
                f"the Default of {name} is not text", value=spec["Default"], allowed="a string"
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
            f"the Properties of {name!r} are not an object", value=type(properties).__name__
        )
    for found, allowed in ((set(resource), _RESOURCE_KEYS), (set(properties), _PROPERTIES[kind])):
        if found - allowed:
            raise UnknownSectionError(
                f"the resource {name!r} ({kind}) has a key that JITP does not know",
                value=min(found - allowed),
                allowed=_list(allowed),
            )
    _check_overrides(name, kind, resource.get("OverrideSettings", {}))
    if kind == CERTIFICATE:
        _check_certificate(name, properties)
    elif kind == POLICY:
        _check_policy(name, properties)
    elif "ThingName" not in properties:
        raise MissingThingNameError(
            f"the thing {name!r} has no ThingName",
            fix='name it after the device, such as {"Ref": "AWS::IoT::Certificate::CommonName"}',
        )


def _check_overrides(name: str, kind: str, settings: Any) -> None:
    if not isinstance(settings, dict):
        raise OverrideSettingsError(
            f"the OverrideSettings of {name!r} are not an object",
            value=settings,
            allowed='a setting by property, such as {"AttributePayload": "MERGE"}',
        )
    for key, setting in settings.items():
        if key not in _OVERRIDABLE[kind]:
            raise OverrideSettingsError(
                f"the OverrideSettings of {name!r} ({kind}) name what cannot be overridden",
                value=key,
                allowed=_list(_OVERRIDABLE[kind]) or "none: policies have no override settings",
            )
        allowed = _OVERRIDES | {"MERGE"} if key in _MERGED else _OVERRIDES
        if not isinstance(setting, str) or setting not in allowed:
            raise OverrideSettingsError(
                f"the OverrideSettings of {name!r} have no such setting for {key}",
                value=setting,
                allowed=_list(allowed),
                fix="MERGE is for AttributePayload and ThingGroups" if setting == "MERGE" else None,
            )


def _check_certificate(name: str, properties: Mapping[str, Any]) -> None:
    wanted = {"Ref": CERTIFICATE_ID}
    if properties.get("CertificateId") != wanted:
        raise CertificateResourceError(
            f"the certificate {name!r} is not the certificate of the device that connects",
            value=properties.get("CertificateId"),
            allowed=f'"CertificateId": {json.dumps(wanted)}',
        )


def _check_policy(name: str, properties: Mapping[str, Any]) -> None:
    given = [key for key in ("PolicyName", "PolicyDocument") if key in properties]
    if len(given) != 1:
        raise PolicySourceError(
            f"the policy {name!r} has {'both' if given else 'neither'} of PolicyName and PolicyDocument",
            allowed="exactly one: the name of a policy that exists, or a document",
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


def functions(value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Every function in the tree, with where it stands."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from functions(each, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            if (key == "Ref" and len(value) == 1) or key.startswith("Fn::"):
                yield path, key, each if len(value) == 1 else value
            yield from functions(each, f"{path}.{key}")


def _check_function(
    path: str, function: str, argument: Any, declared: frozenset[str], mappings: Mapping[str, Any]
) -> None:
    if function not in FUNCTIONS:
        raise UnknownFunctionError(
            f"{path} uses a function that provisioning templates do not have",
            value=function,
            allowed=", ".join(FUNCTIONS),
        )
    if isinstance(argument, dict):
        raise UnknownFunctionError(
            f"{function} at {path} has an object for its argument, or stands beside other keys",
            value=argument,
            allowed=f'{{"{function}": …}} alone',
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
    if not isinstance(name, str) or name not in {*declared, CERTIFICATE_ID}:
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
        if variable.startswith("!") or variable in {*local, *declared, CERTIFICATE_ID}:
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
