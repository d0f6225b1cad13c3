"""JSON from outside: what the json module takes in silence is told, with the place."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.cli import options
from iot_multiaccount_ca.cli.signing import code_requests
from iot_multiaccount_ca.model import strict_json
from iot_multiaccount_ca.model.assembly import read_registrations
from iot_multiaccount_ca.model.jitp.template_body import JitpTemplateBody

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    "text", ['{"a": [1, {"b": null}], "c": -1.5e3}', "[]", "7", '"{[\\"{{{"', '{"a": {"a": {"a": 1}}}']
)
def test_plain_json_is_read_as_the_json_module_reads_it(text: str) -> None:
    """Strictness changes nothing in what is right; one key at several depths is not twice."""
    assert strict_json.parse(text, what="it") == json.loads(text)
    assert strict_json.parse(text.encode(), what="it") == json.loads(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1, "a": 1}', "the top level"),
        ('{"Resources": {"p": [{"x": 1}, {"a": 1, "b": 2, "a": 3}]}}', "Resources.p[1]"),
        ('{"b": {"a": {"c": 1, "c": 2}}, "b": {}}', "the top level"),
        ('{"x": {"\\u0061": 1, "a": 2}}', "x"),
    ],
)
def test_a_key_that_stands_twice_is_named_with_its_place(text: str, place: str) -> None:
    """The last would count, and nobody would know; also inside of what is overwritten, and however it is spelled."""
    with pytest.raises(errors.DuplicateJsonKeyError) as raised:
        strict_json.parse(text, what="the template")
    assert f"(at {place})" in str(raised.value)
    assert str(raised.value).startswith("the template: key '")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5_000])
def test_what_is_no_number_of_json_is_refused(number: str) -> None:
    """Also what only becomes infinite by being read, and what Python will not read at all."""
    with pytest.raises(errors.JsonNumberError, match="the template"):
        strict_json.parse(f'{{"a": [{number}]}}', what="the template")


@pytest.mark.parametrize("opened", ["[", '{"a":', '[[[{"]": '])
def test_deep_nesting_is_a_sentence_and_no_recursion_error(opened: str) -> None:
    """A hundred levels are more than anything meant to be read."""
    with pytest.raises(errors.JsonTooDeepError, match="nested too deep"):
        strict_json.parse(opened * 100_000, what="the template")


def test_nesting_up_to_the_limit_is_taken() -> None:
    """And brackets in strings, or beside one another, are not nesting."""
    deepest = strict_json.DEEPEST
    strict_json.parse("[" * deepest + "]" * deepest, what="it")
    strict_json.parse(json.dumps(["[" * 500, *([[]] * 500)]), what="it")
    with pytest.raises(errors.JsonTooDeepError):
        strict_json.parse("[" * (deepest + 1) + "]" * (deepest + 1), what="it")


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8-sig", "UTF-8 with a byte order mark"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("latin-1", "byte 7 is not UTF-8"),
    ],
)
def test_another_encoding_is_called_by_its_name(encoding: str, said: str, tmp_path: Path) -> None:
    """Editors on other systems write them."""
    file = tmp_path / "it.json"
    file.write_bytes('{"a": "ü"}'.encode(encoding))
    with pytest.raises(errors.JsonEncodingError, match=said):
        strict_json.read(file, what="the template")


def test_a_byte_order_mark_in_a_text_is_told_too() -> None:
    """Where somebody else decoded it."""
    with pytest.raises(errors.JsonEncodingError, match="byte order mark"):
        strict_json.parse("\ufeff{}", what="it")


def test_what_is_no_json_is_told_with_line_and_column(tmp_path: Path) -> None:
    """And a file that is not there with why, and its path."""
    with pytest.raises(errors.UnreadableJsonError, match="line 2, column 1"):
        strict_json.parse('{"a":\n}', what="it")
    with pytest.raises(errors.UnreadableJsonError, match=r"No such file.*it\.json"):
        strict_json.read(tmp_path / "it.json", what="it")
    with pytest.raises(errors.UnreadableJsonError, match="directory"):
        strict_json.read(tmp_path, what="it")


def test_an_error_can_be_told_as_another_class() -> None:
    """With the same words: the caller knows what the JSON was for."""
    with pytest.raises(errors.JsonError) as raised:
        strict_json.parse("{", what="it")
    told = errors.AssemblyError.of(raised.value)
    assert type(told) is errors.AssemblyError
    assert str(told) == str(raised.value)


@pytest.mark.parametrize(
    ("name", "read", "error"),
    [
        ("jitp.json", JitpTemplateBody.from_file, errors.TemplateNotJsonError),
        ("request.json", code_requests.read, errors.RequestFileError),
        ("manifest.json", lambda path: read_registrations(path.parent), errors.AssemblyError),
        ("cdk.json", lambda _: options._context(), errors.AssemblyError),
    ],
)
def test_whatever_reads_json_refuses_a_key_that_stands_twice(
    name: str,
    read: Callable[[Path], object],
    error: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the reader's own error, with the key and its place."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text('{"context": {"stage": 1, "stage": 2}}')
    with pytest.raises(error, match=r"'stage' stands twice in one object \(at context\)"):
        read(tmp_path / name)


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\uDFFF": 1}', '["a", {"b": "x\\ud83d y"}]', '"\ud800"'])
def test_half_a_character_is_refused(text: str) -> None:
    """No file and no call could carry it; both halves are one character."""
    with pytest.raises(errors.JsonEncodingError, match="half a character"):
        strict_json.parse(text, what="it")
    assert strict_json.parse('"\\ud83d\\ude00"', what="it") == "\U0001f600"


def test_one_key_twice_among_many_is_found_at_once() -> None:
    """However many there are before it."""
    text = "{" + ",".join(f'"k{number}":0' for number in range(50_000)) + ',"k49999":1}'
    begin = time.monotonic()
    with pytest.raises(errors.DuplicateJsonKeyError, match="'k49999' stands twice"):
        strict_json.parse(text, what="it")
    assert time.monotonic() - begin < 5
