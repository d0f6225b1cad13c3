"""Rules of the tags that users give a CA, as AWS IoT and CloudFormation's resource types have them."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from iot_multiaccount_ca.model.tags import (
    BY_CLOUDFORMATION,
    BY_REGISTRAR,
    BY_STACK_SET,
    MOST_TAGS,
    TagLimits,
    tag_problems,
)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {f"key{n}": "value" for n in range(MOST_TAGS)},
        {"k" * 128: "v" * 256},
        {"cost center": "a.b:c/d=e+f-g@h_i", "größe": "", "部门": "设备"},
        {"awsome": "own"},
    ],
)
def test_what_aws_iot_takes_is_taken(tags: dict[str, str]) -> None:
    """Letters of every language, and the empty value."""
    assert list(tag_problems(tags)) == []


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({f"key{n}": "value" for n in range(MOST_TAGS + 1)}, "49 tags; allowed: 48"),
        ({"k" * 129: "value"}, "129 characters; AWS IoT takes: 1 to 128"),
        ({"": "value"}, "0 characters"),
        ({"key": "v" * 257}, "257 characters; AWS IoT takes: 0 to 256"),
        ({"AWS:owner": "value"}, "AWS keeps to itself"),
        ({"iot-multiaccount-ca:stack-id": "mine"}, "marks whose a registration is"),
        ({"key": '{"json": 1}'}, "does not take: '\"' '{' '}'"),
        ({"key": "a\tb"}, r"'\t'"),
        ({"k;y": "value"}, "';'"),
    ],
)
def test_what_aws_iot_refuses_is_named(tags: dict[str, str], said: str) -> None:
    """One sentence for the one rule that is broken."""
    [problem] = tag_problems(tags)
    assert said in problem


_KEYS = ("k", "k" * 127, "k" * 128, "k" * 129, "größe", "a@b", "a b", "a_.:/=+-b", "AWS:x", "a,b")
_VALUES = ("", "v", "v" * 255, "v" * 256, "v" * 257, "a@ß b")


@pytest.mark.parametrize(
    ("limits", "type_name"),
    [(BY_CLOUDFORMATION, "AWS::IoT::CACertificate"), (BY_STACK_SET, "AWS::CloudFormation::StackSet")],
    ids=str,
)
def test_a_resource_type_is_given_no_tag_that_its_schema_refuses(limits: TagLimits, type_name: str) -> None:
    """By the schemas that AWS publishes: an empty value, a long key, a letter of another alphabet."""
    # Neither package has types.
    schemas = importlib.import_module("cfnlint.schema.manager").PROVIDER_SCHEMA_MANAGER
    search = importlib.import_module("regex").search
    rules = schemas.get_resource_schema("us-east-1", type_name).schema["definitions"]["Tag"]["properties"]

    def takes(rule: dict[str, Any], text: str) -> bool:
        fits = rule["minLength"] <= len(text) <= rule["maxLength"]
        return fits and search(rule.get("pattern", ""), text) is not None

    taken = {
        (key, value): takes(rules["Key"], key) and takes(rules["Value"], value)
        for key in _KEYS
        for value in _VALUES
    }
    passed = {tag for tag in taken if not list(tag_problems(dict([tag]), limits))}
    assert passed == {
        tag for tag, good in taken.items() if good and not list(tag_problems(dict([tag]), BY_REGISTRAR))
    }


def test_the_characters_that_a_set_does_not_take_are_named() -> None:
    """With the tag, and what is left."""
    [problem] = tag_problems({"a@größe": "ß@"}, BY_STACK_SET)
    assert r"does not take: '@' '\xdf' '\xf6'; allowed: letters from a to z" in problem
