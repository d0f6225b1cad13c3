"""Rules of the tags that users give a CA, as AWS IoT has them."""

from __future__ import annotations

import pytest

from iot_multiaccount_ca.model.tags import MOST_TAGS, tag_problems


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
        ({"k" * 129: "value"}, "129 characters; allowed: 1 to 128"),
        ({"": "value"}, "0 characters"),
        ({"key": "v" * 257}, "257 characters; allowed: at most 256"),
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
