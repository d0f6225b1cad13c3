"""What ``iot-ca simulate`` shows, in terminals from 60 to 200 columns and of text that would steer one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from iot_multiaccount_ca.model.jitp.simulation import load_device_certificate
from support.certificates import make_ca, make_device
from support.simulation_table import POLICY, ref, subject_of, template
from support.terminal import Ran, in_pipe, in_terminal

WIDTHS = [60, 80, 100, 120, 200]
# Of everything that people may write: escape sequences, a bidi override, what shows as nothing, marks of rich's own.
HOSTILE = "\x1b[31m\x1b]0;x\x07\x9b1m\u202e\u200b\x7f\r\n|<script>[red]x[/red]*`"
CA = make_ca("ec-p256", common_name="The Certificate Authority of Production Line 4 in Europe (West)")
LONG_NAME = "sensor-" + "0123456789abcdef" * 7  # longer than X.509 allows, as factories make them
LONG_FILE = "line-4-of-the-factory-in-the-west/batch-0007/certificate-of-" + "a1b2c3d4" * 4 + ".pem"
THING_TYPE = "TemperatureAndHumiditySensorOfTheSecondGeneration-0123456789"
GROUPS = [f"everything-that-stands-in-hall-{number}-of-the-factory" for number in range(3)]


def hostile_device(path: Path, text: str = HOSTILE) -> Path:
    """A device whose subject is the text."""
    path.write_text(make_device(CA, name=subject_of((f"CN={text}",)), key_name="hostile").pem)
    return path


def write(path: Path, content: Any) -> str:
    """A file of JSON, or of text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A template, a CA, and devices with the longest names that AWS IoT takes."""
    document = POLICY.replace(
        '"*"', '"arn:aws:iot:ap-southeast-2:333333333333:client/${iot:Connection.Thing.ThingName}"'
    )
    thing = {"ThingName": ref("CommonName"), "ThingTypeName": THING_TYPE, "ThingGroups": GROUPS}
    write(tmp_path / "jitp.json", template("CommonName", thing=thing, policy={"PolicyDocument": document}))
    write(tmp_path / "ca.pem", CA.pem)
    write(
        tmp_path / "factory" / LONG_FILE,
        make_device(CA, name=subject_of((f"CN={LONG_NAME}",)), key_name="long").pem,
    )
    write(tmp_path / "factory/d2.pem", make_device(CA, "not a name").pem)
    return tmp_path


def whole(shown: str, identifiers: list[str]) -> list[str]:
    """Those that no line has from end to end."""
    return [each for each in identifiers if not any(each in line for line in shown.splitlines())]


@pytest.mark.parametrize("columns", WIDTHS)
def test_one_device_keeps_identifiers_whole_in_every_terminal(columns: int, wide: Path) -> None:
    """Thing, type, groups, the CA's subject: what is longer than the terminal is wide has a line of its own."""
    arguments = ("-t", str(wide / "jitp.json"), "--ca-certificate", str(wide / "ca.pem"))
    device = str(wide / "factory" / LONG_FILE)
    shown = in_terminal("simulate", *arguments, device, columns=columns).plain
    certificate_id = load_device_certificate(device).fingerprint(SHA256()).hex()
    document = "arn:aws:iot:ap-southeast-2:333333333333:client/${iot:Connection.Thing.ThingName}"
    words = [
        device,
        LONG_NAME,
        certificate_id,
        THING_TYPE,
        *GROUPS,
        document,
        "AWS::IoT::Certificate::CommonName",
    ]
    assert whole(shown, words) == []
    assert "…" not in shown


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("only", [[], ["--problems-only"]], ids=["all", "problems"])
def test_many_devices_keep_identifiers_whole_in_every_terminal(
    columns: int, only: list[str], wide: Path
) -> None:
    """What does not fit is left out by column, which is said."""
    arguments = ("simulate", "-t", str(wide / "jitp.json"), str(wide / "factory"), *only)
    shown = in_terminal(*arguments, columns=columns).plain.replace("\r", "\n")
    assert whole(shown, ["d2.pem", "not provisioned"]) == []
    left_out = re.search(r"left out for want of width: (.*)", shown)
    left = left_out.group(1) if left_out else ""
    assert "thing-name-illegal" in shown or "findings" in left
    if not only:
        assert whole(shown, [LONG_FILE]) == []
        assert LONG_NAME in shown or "thing" in left
    assert "…" not in shown


def raw(shown: str) -> str:
    """What of it cannot be seen, and is not a line's end."""
    return "".join(each for each in shown if not each.isprintable() and each != "\n")


def check(ran: Ran, *codes: int) -> None:
    """It ended so, and with nothing raw, on neither stream."""
    assert ran.code in codes, ran.stderr
    assert (raw(ran.stdout), raw(ran.stderr)) == ("", "")
    assert "Traceback" not in ran.stderr


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A template whose policy is drawn from the subject, a device of hostile subject, in a file of hostile name."""
    thing = {"ThingName": ref("CommonName"), "AttributePayload": {"maker": ref("CommonName")}}
    document = {
        "Fn::Sub": POLICY.replace('"*"', '"${AWS::IoT::Certificate::CommonName}' + r'\u001b[2J\u202e"')
    }
    write(tmp_path / "jitp.json", template("CommonName", thing=thing, policy={"PolicyDocument": document}))
    write(tmp_path / "ca.pem", CA.pem)
    (tmp_path / "factory").mkdir()
    hostile_device(tmp_path / "factory" / f"d{HOSTILE.replace('/', '')}.pem")
    write(tmp_path / "factory" / f"e{HOSTILE.replace('/', '')}.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n")
    write(tmp_path / "factory" / f"f{HOSTILE.replace('/', '')}.txt", "notes")
    write(tmp_path / "harmless.pem", make_device(CA, "d1").pem)
    return tmp_path


@pytest.mark.parametrize("more", [[], ["--json"], ["--problems-only"]], ids=["plain", "JSON", "problems"])
def test_a_hostile_subject_and_file_name_are_shown_and_nothing_raw(more: list[str], hostile: Path) -> None:
    """Of one device and of a folder, of the device, of what cannot be read and of what is left out."""
    common = ("simulate", "-t", "jitp.json", "--ca-certificate", "ca.pem", *more)
    one = in_pipe(*common, *(str(each) for each in (hostile / "factory").glob("d*")), cwd=hostile)
    many = in_pipe(*common, "factory", cwd=hostile)
    check(one, 1)
    check(many, 2)
    for ran in (one, many):
        assert "[red]x[" in ran.stdout, "rich's own marks are text"
        assert re.search(r"\\(x|u00)1b\[31m", ran.stdout)
    if more != ["--problems-only"]:
        assert len(re.findall(r"[def]\\(?:x|u00)1b", many.stdout)) >= 3


def test_a_terminal_shows_them_too(hostile: Path) -> None:
    """Its colours are ours alone."""
    device = hostile_device(hostile / "hostile.pem")
    shown = in_terminal(
        "simulate", "-t", str(hostile / "jitp.json"), "--ca-certificate", str(hostile / "ca.pem"), str(device)
    )
    assert raw(shown.plain) == ""
    assert "\\x1b]0;x\\x07" in shown.plain
    assert "[red]x[" in shown.plain


def test_a_policy_documents_own_escapes_are_not_sent(hostile: Path) -> None:
    """JSON writes control characters as escapes; parsed, they would steer the terminal."""
    ran = in_pipe("simulate", "-t", "jitp.json", "harmless.pem", cwd=hostile)
    check(ran, 0)
    assert "d1\\u001b[2J\\u202e" in ran.stdout


@pytest.mark.parametrize(
    "change",
    [
        {"Parameters": {HOSTILE: {"Type": "String"}}},
        {"Resources": {HOSTILE: {"Type": HOSTILE}}},
        {"Resources": {HOSTILE: {"Type": "AWS::IoT::Thing", "Properties": {HOSTILE: 1}}}},
        {"Mappings": HOSTILE},
        {HOSTILE: 1},
        HOSTILE,
    ],
    ids=["parameter", "type", "property", "mappings", "section", "no JSON"],
)
def test_a_hostile_template_is_refused_with_nothing_raw(change: Any, hostile: Path) -> None:
    """In the sentence, and in the file's name."""
    body = change if isinstance(change, str) else template("CommonName", thing={"ThingName": "x"}) | change
    path = write(hostile / f"t{HOSTILE.replace('/', '')}.json", body)
    check(in_pipe("simulate", "-t", path, "harmless.pem", cwd=hostile), 2)


def test_hostile_options_are_refused_with_nothing_raw(hostile: Path) -> None:
    """Account, region, CA, allow-list, stage and device."""
    name = HOSTILE.replace("/", "")
    for more in (
        ("--account", name),
        ("--region", name),
        ("--ca-certificate", name),
        ("--allow-list", name),
        ("--app", str(hostile), "--stage", name),
    ):
        check(in_pipe("simulate", "-t", "jitp.json", *more, "harmless.pem", cwd=hostile), 2)
    check(in_pipe("simulate", "-t", "jitp.json", f"none{name}", cwd=hostile), 2)
    check(in_pipe("simulate", "-t", f"none{name}", "harmless.pem", cwd=hostile), 2)
