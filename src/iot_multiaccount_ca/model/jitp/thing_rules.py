"""What AWS IoT takes as a thing: its name, attributes, type, groups and billing group. Resolves nothing.

Patterns and lengths: CreateThing, AddThingToThingGroup and AttributePayload in the AWS IoT API reference (botocore's
service model has the same, and newer). Counts: "Thing types" and "Static thing groups" in the developer guide.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .template_rules import FUNCTIONS

if TYPE_CHECKING:
    from .findings import Findings

_LONGEST_NAME = 128
#: The name of a thing, of its type or of a group.
NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}", re.ASCII)
_NAME_ALLOWED = "1 to 128 of a-z, A-Z, 0-9, colon, hyphen and underscore"
_ATTRIBUTE_NAME = re.compile(r"[a-zA-Z0-9_.,@/:#-]{1,128}", re.ASCII)
_ATTRIBUTE_VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}", re.ASCII)
_PACKAGE, _VERSION = (re.compile(rf"[a-zA-Z0-9_.-]{{1,{longest}}}", re.ASCII) for longest in (128, 64))
# In botocore's model and not in the API reference's pages.
_NEWER_IN_VALUES = re.compile(r"[=\[\]]")
_MOST_ATTRIBUTES_WITHOUT_TYPE = 3
_MOST_ATTRIBUTES = 50
_MOST_GROUPS = 10
_LONGEST_SHOWN = 80


def check_name(value: Any, what: str, findings: Findings) -> str | None:
    """A thing's name, type, group or billing group: all of one pattern. The name where it is text, legal or not."""
    code = what.replace(" ", "-")
    if not isinstance(value, str):
        findings.error(
            f"{code}-not-text",
            f"the {what} is not text: {shown(value)}",
            function_hint(value) or f"resolve the {what} to a text",
        )
        return None
    if not NAME.fullmatch(value):
        findings.error(
            f"{code}-illegal",
            f"the {what} {shown(value)} is illegal: {_why(value)}{escape_hint(value)}; AWS IoT takes {_NAME_ALLOWED}",
            f"build the {what} from a field that has such characters only, or issue certificates whose subject does",
        )
    return value


def check_groups(value: Any, findings: Findings) -> tuple[str, ...]:
    """The thing groups, each a name; at most ten."""
    if not isinstance(value, list):
        findings.error(
            "thing-groups-not-a-list",
            f"ThingGroups are not a list: {shown(value)}",
            function_hint(value)
            or (
                f"write [{json.dumps(value)}]"
                if isinstance(value, str)
                else "give ThingGroups a list of names"
            ),
        )
        return ()
    names = [check_name(each, "thing group", findings) for each in value]
    groups = tuple(name for name in names if name is not None)
    if len(set(groups)) > _MOST_GROUPS:
        findings.error(
            "thing-groups-too-many",
            f"the thing would be in {len(set(groups))} groups; AWS IoT allows {_MOST_GROUPS}",
            "leave groups out, or use a hierarchy: a thing in a child group is in its parents too",
        )
    if len(set(groups)) < len(groups):
        findings.warning(
            "thing-group-repeated",
            f"a group stands twice in ThingGroups: {', '.join(groups)}",
            "name each group once; AWS does not say what a second time does",
        )
    return groups


def check_attributes(value: Any, findings: Findings) -> dict[str, str]:
    """The thing's attributes, by name; numbers as the text that JSON has for them. How many: `check_count`."""
    if not isinstance(value, dict):
        findings.error(
            "attributes-not-an-object",
            f"the AttributePayload is not an object: {shown(value)}",
            'give AttributePayload names and values, such as {"model": "v1"}',
        )
        return {}
    attributes = {}
    for name, each in value.items():
        text = _attribute(name, each, findings)
        if text is not None:
            attributes[name] = text
    return attributes


def check_package_versions(value: Any, findings: Findings) -> dict[str, str]:
    """The versions of software packages that the thing has: a version's name by the package's."""
    if not isinstance(value, dict):
        findings.error(
            "package-versions-not-an-object",
            f"PackageVersions are not an object: {shown(value)}",
            function_hint(value)
            or 'give PackageVersions packages and versions, such as {"firmware": "1.0.0"}',
        )
        return {}
    versions = {}
    for package, version in value.items():
        if not isinstance(version, str) or not (_PACKAGE.fullmatch(package) and _VERSION.fullmatch(version)):
            findings.error(
                "package-version-illegal",
                f"the package version {shown(package)}: {shown(version)} is illegal; AWS IoT takes 1 to 128 of a-z, "
                "A-Z, 0-9, _, . and - for a package, and 1 to 64 of them for a version",
                function_hint(version) or "name a package and a version that exist",
            )
        else:
            versions[package] = version
    return versions


def check_count(count: int, *, has_type: bool, findings: Findings) -> None:
    """How many attributes a thing may have: that depends on whether it has a thing type."""
    limit = _MOST_ATTRIBUTES if has_type else _MOST_ATTRIBUTES_WITHOUT_TYPE
    if count > limit:
        findings.error(
            "attributes-too-many",
            f"the thing would have {count} attributes; AWS IoT allows {limit} for a thing "
            f"{'with' if has_type else 'without'} a thing type",
            "leave attributes out"
            if has_type
            else f"give the thing a ThingTypeName (then it may have {_MOST_ATTRIBUTES}), or leave attributes out",
        )


def _attribute(name: str, value: Any, findings: Findings) -> str | None:
    if not _ATTRIBUTE_NAME.fullmatch(name):
        findings.error(
            "attribute-name-illegal",
            f"the attribute name {shown(name)} is illegal; AWS IoT takes 1 to 128 of a-z, A-Z, 0-9 and _.,@/:#-",
            "rename the attribute in the template",
        )
    if isinstance(value, dict | list) or value is None:
        findings.error(
            "attribute-not-text",
            f"the attribute {name!r} is not text: {shown(value)}",
            function_hint(value)
            or "give each attribute a text; attributes stand in AttributePayload itself, without another object around",
        )
        return None
    if not isinstance(value, str):
        value = json.dumps(value)
        findings.warning(
            "attribute-number",
            f"the attribute {name!r} is {value}, not a text; AWS does not say that it is taken",
            f'write "{value}" into the template',
        )
    text = str(value)
    _check_value(name, text, findings)
    return text


def _check_value(name: str, text: str, findings: Findings) -> None:
    if not _ATTRIBUTE_VALUE.fullmatch(text):
        findings.error(
            "attribute-value-illegal",
            f"the attribute {name!r} has the illegal value {shown(text)}{escape_hint(text)}; AWS IoT takes up to 800 "
            "of a-z, A-Z, 0-9 and _.,@/:#=[]-, no blanks",
            "build the attribute from a field that has such characters only, or leave it out of the template",
        )
    elif not text:
        findings.warning(
            "attribute-empty",
            f"the attribute {name!r} is empty; to AWS IoT's UpdateThing that means: remove it",
            "leave the attribute out, or give it a value",
        )
    elif _NEWER_IN_VALUES.search(text):
        findings.warning(
            "attribute-value-unverified",
            f"the attribute {name!r} has the value {shown(text)}; AWS's SDKs allow =, [ and ], its API reference not",
            "avoid =, [ and ] in attributes, or connect one such device before you make many",
        )


def shown(value: Any) -> str:
    """A value for a sentence, cut where it is long."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}… ({len(value):,} long)"


def function_hint(value: Any) -> str | None:
    """What to write where an object looks like a function that is misspelt, such as ``REF``."""
    if isinstance(value, dict) and len(value) == 1:
        written = next(iter(value))
        meant = next((each for each in FUNCTIONS if each.lower() == written.lower()), None)
        if meant and meant != written:
            return f"write {meant}, in this case, where the template has {written}"
    return None


def escape_hint(text: str) -> str:
    """Why a value has a backslash that nobody wrote."""
    return (
        " (AWS IoT keeps the backslash by which a subject's text escapes characters)" if "\\" in text else ""
    )


def _why(name: str) -> str:
    if not name:
        return "it is empty"
    wrong = dict.fromkeys(each for each in name if not NAME.fullmatch(each))
    if wrong:
        return f"it has {', '.join(map(repr, wrong))}"
    return f"it has {len(name)} characters, more than {_LONGEST_NAME}"
