"""Text from outside, made fit for a terminal, a pipe, Markdown and HTML."""

from __future__ import annotations

import html
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from iot_multiaccount_ca import text

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "bell\x07 back\x08 delete\x7f null\x00",
    "two\nlines\r\nthree\u2028four\u2029five\x85six",
    "user\u202egnp.exe",
    "\u2066isolated\u2069",
    "zero\u200bwidth\u200d\ufeff",
    "filler\u3164\u115f\u034f\ufe0f",
    "\ud800 lone surrogate",
    "tag\U000e0041",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_that_cannot_be_seen_gets_through(hostile: str) -> None:
    """In every medium: what steers, turns or hides is written out, and all that could be seen is still there."""
    for medium in (text.plain, text.lines, text.markdown, text.markdown_code, text.html_text):
        shown = medium(hostile)
        assert all(each.isprintable() or each == "\n" for each in shown), shown
        shown.encode("utf-8")


def test_only_lines_keeps_lines() -> None:
    """A subject with a line break cannot begin a line of its own; what a program printed may."""
    assert text.plain("a\nfix: b") == "a\\nfix: b"
    assert text.lines("a\r\nb\rc\td\x1b") == "a\nb\nc   d\\x1b"


def test_every_invisible_character_of_unicode_is_escaped() -> None:
    """Control, format, private, surrogate and unassigned characters, and every separator but the blank."""
    hidden = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"} and code != ord(" ")
    ]
    assert len(hidden) > 130_000
    assert text.plain("".join(hidden)).isascii()


def test_letters_of_every_script_stay() -> None:
    """A name is not made unreadable because it is not English."""
    assert text.plain("Größe 工場 завод مصنع 🏭") == "Größe 工場 завод مصنع 🏭"


def test_markdown_shows_marks_as_they_are() -> None:
    """No table cell, link, image, emphasis, heading or HTML begins in a name; words stay readable as source."""
    shown = text.markdown("|<img src=x>[a](b)*c*`d`_e_~f~&amp;\\")
    assert shown == r"\|\<img src=x\>\[a\](b)\*c\*\`d\`\_e\_\~f\~\&amp;\\"
    assert text.markdown("SNI_ONLY") == "SNI_ONLY"


def test_markdown_code_holds_backticks_and_bars() -> None:
    """The fence is longer than any run of backticks in it."""
    assert text.markdown_code("cdk deploy x") == "`cdk deploy x`"
    assert text.markdown_code("a`b``c|") == "```a`b``c\\|```"
    assert text.markdown_code("`x`") == "`` `x` ``"


@pytest.mark.parametrize(
    "word", [*HOSTILE[:-2], "$HOME `id` 'a' \"b\" \\n", "", "~", "größe 工場", "a\udcffb"]
)
def test_a_word_of_a_command_is_taken_by_the_shell_as_it_is(word: str) -> None:
    """And can all be seen, on one line; a byte that is no UTF-8 too."""
    word = word.replace("\x00", "")  # no argument can hold it
    shown = text.shell(word)
    assert text.plain(shown) == shown
    environment = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
    said = subprocess.run(["bash", "-c", f"printf %s {shown}"], capture_output=True, env=environment)
    assert said.stdout.decode("utf-8", "surrogateescape") == word


def test_a_path_is_no_option() -> None:
    """One that begins with a hyphen."""
    assert text.shell(Path("-x y")) == "'./-x y'"
    assert text.shell(Path("a/-x")) == "a/-x"


def test_html_is_escaped_for_text_and_attributes() -> None:
    """Both quotes too."""
    assert html.unescape(text.html_text("<script a='b' c=\"d\">&")) == "<script a='b' c=\"d\">&"
    assert not set("<>\"'") & set(text.html_text("<script a='b' c=\"d\">"))


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 stages"), (1, "1 stage"), (2, "2 stages"), (1234567, "1,234,567 stages")]
)
def test_counts_have_the_right_plural_and_one_number_format(count: int, shown: str) -> None:
    """Commas between thousands, everywhere."""
    assert text.counted(count, "stage") == shown
    assert text.counted(2, "CA of its own", "CAs of their own") == "2 CAs of their own"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (1, "failed with exit code 1"),
        (128, "failed with exit code 128"),
        (250, "failed with exit code 250"),
        (-9, "was ended by SIGKILL"),
        (137, "was ended by SIGKILL"),
    ],
)
def test_a_signal_is_named_whoever_tells_of_it(code: int, said: str) -> None:
    """Python says so by a negative number, a shell by one above 128."""
    assert text.how_it_ended(code) == said
