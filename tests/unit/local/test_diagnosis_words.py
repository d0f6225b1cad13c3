"""The words for what becomes of a connection: each has a text, a row of the documentation, and a real client's test."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from iot_multiaccount_ca.local import gaps
from iot_multiaccount_ca.local.diagnosis_texts import MEANINGS
from iot_multiaccount_ca.local.gaps.tls import APPLICATION_PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
#: Told by what looks at several connections, not by the broker.
NOT_OF_THE_BROKER = {"never-back", "enrolled", "kept-out", "not-enrolled"}
#: What a test calls to have a real client connect: Python's ssl, OpenSSL, paho, mbedTLS, HTTP, or a bare socket.
CLIENTS = {
    "knock",
    "python",
    "openssl",
    "program",
    "paho",
    "by_mbedtls",
    "create_connection",
    "talk",
    "send_and_end",
    "begin",
    "client",
}


def test_every_event_has_a_meaning() -> None:
    """No word of the broker's is without a text, and no text without a word."""
    sources = "\n".join(path.read_text() for path in Path(gaps.__file__).parent.glob("*.py"))
    told = set(re.findall(r'\btell\(\s*"([a-z0-9-]+)"', sources))
    told |= set(re.findall(r'(?:return|:|=)\s*\(?\s*"([a-z0-9-]+)",\s*\n?\s*f?"[a-z]', sources))
    assert told - set(MEANINGS) - set(APPLICATION_PROTOCOLS) == set()
    assert {word for word in MEANINGS if f'"{word}"' not in sources} == NOT_OF_THE_BROKER


def test_every_meaning_is_in_the_documentation() -> None:
    """docs/devices.md has a row for each event that something can be done about, with the texts themselves."""
    document = (ROOT / "docs/devices.md").read_text()
    rows = [
        f"| `{word}` | {meaning.aws} | {meaning.fix} |" for word, meaning in MEANINGS.items() if meaning.fix
    ]
    assert [row for row in rows if row not in document] == []
    assert len(re.findall(r"^\| `[a-z0-9-]+` \|", document, re.MULTILINE)) == len(rows)


def test_every_word_has_a_real_client() -> None:
    """A test looks for the word after a real client connected: a word that none made may never be told, or be false."""
    found = {
        word
        for path in [
            *sorted(Path(__file__).parent.glob("test_*.py")),
            *sorted((ROOT / "tests/e2e").glob("test_device*.py")),
        ]
        for test in _tests(ast.parse(path.read_text()))
        if CLIENTS & {_name(node.func) for node in ast.walk(test) if isinstance(node, ast.Call)}
        for word in _looked_for(test)
    }
    assert set(MEANINGS) - found == set()


def test_a_word_that_no_client_made_is_missed() -> None:
    """The search takes no word that a test only mentions, nor one of a test without a client."""
    code = """
def test_mentions(): knock(device("lost")); assert a == "alert"
def test_nobody_connects(): assert event == "silent"
@pytest.mark.parametrize("event", ["fragment"])
def test_as_a_parameter(event): fleet.python(); check(found, event)
def test_by_check(): fleet.python(); check(found, "no-mqtt", "…"); assert told.startswith("topic: …")
"""
    first, second, third, fourth = _tests(ast.parse(code))
    assert (_looked_for(first), _looked_for(third), _looked_for(fourth)) == (
        {"alert"},
        {"fragment"},
        {"no-mqtt", "topic"},
    )
    assert not CLIENTS & {_name(node.func) for node in ast.walk(second) if isinstance(node, ast.Call)}


def _tests(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def _name(called: ast.expr) -> str:
    match called:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return ""


def _looked_for(test: ast.FunctionDef) -> set[str]:
    """The words that a test compares with, checks for, or is parametrized by."""
    asserting = [
        node
        for node in ast.walk(test)
        if isinstance(node, ast.Compare)
        or (isinstance(node, ast.Call) and _name(node.func) in ("check", "startswith"))
    ]
    return {
        text.partition(":")[0] for place in [*asserting, *test.decorator_list] for text in _texts(place)
    } & set(MEANINGS)


def _texts(place: ast.AST) -> Iterator[str]:
    for node in ast.walk(place):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
