"""``iot-ca simulate``: a device or a folder of them, as a terminal, a pipe and JSON show it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from support.certificates import Authority, make_ca, make_device
from support.simulation_table import (
    POLICY,
    ref,
    subject_of,
    template,
)
from support.terminal import Ran, in_pipe, in_terminal

ROOT = Path(__file__).parents[3]
CA = make_ca("ec-p256", common_name="Simulated CA")
DOCUMENT = POLICY.replace(
    '"*"', '"arn:{{partition}}:iot:{{region}}:{{account}}:${iot:Connection.Thing.ThingName}"'
)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a template, a CA and one device."""
    body = template(
        "CommonName",
        "DistinguishedNameQualifier",
        thing={
            "ThingName": ref("CommonName"),
            "AttributePayload": {"serial": ref("DistinguishedNameQualifier")},
            "ThingTypeName": "pump",
            "ThingGroups": ["north"],
            "BillingGroup": "bills",
        },
        policy={"PolicyDocument": DOCUMENT},
    )
    (tmp_path / "jitp.json").write_text(json.dumps(body))
    (tmp_path / "ca.pem").write_text(CA.pem)
    device(tmp_path / "device.pem", "d1", "S1")
    return tmp_path


def device(
    path: Path, name: str, serial: str | None = None, authority: Authority = CA, key: str = "d"
) -> None:
    """Write a device certificate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    subject = {"dn_qualifier": serial} if serial else {}
    path.write_text(make_device(authority, name, subject=subject, key_name=key).pem)


def ask(here: Path, *more: str, devices: str = "device.pem") -> Ran:
    """Run the command in the folder."""
    return in_pipe("simulate", "--template", "jitp.json", "--device-certificate", devices, *more, cwd=here)


def test_one_device_is_shown_whole(here: Path) -> None:
    """Parameters with their source, what the thing becomes, the CA, the policy document."""
    ran = ask(here, "--ca-certificate", "ca.pem")
    assert (ran.code, ran.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    for line in (
        "device.pem: would be provisioned",
        "AWS::IoT::Certificate::CommonName d1 subject",
        "AWS::IoT::Certificate::DistinguishedNameQualifier S1 subject",
        "CA signed by CN=Simulated CA",
        "thing d1",
        "attribute serial = S1",
        "thing type pump (must exist)",
        "thing groups north (must exist)",
        "billing group bills (must exist)",
    ):
        assert line in lines
    assert '"Resource": "arn:aws:iot:us-east-1:123456789012:${iot:Connection.Thing.ThingName}"' in ran.stdout


def test_a_missing_field_is_named_and_exits_1(here: Path) -> None:
    """The commonest failure: with the parameter, the field and the fix."""
    device(here / "device.pem", "d1")
    ran = ask(here)
    assert ran.code == 1
    assert "device.pem: would not be provisioned" in ran.stdout
    assert re.search(r"AWS::IoT::Certificate::DistinguishedNameQualifier +missing +-", ran.stdout)
    assert "error: the subject has no dnQualifier, and the template declares" in ran.stdout
    assert "  fix: issue device certificates with dnQualifier in their subject" in ran.stdout
    assert "PENDING_ACTIVATION afterwards" in ran.stdout


def test_a_name_from_the_serial_number_is_shown_in_both_forms(here: Path) -> None:
    """Decimal and hexadecimal: AWS does not say which."""
    (here / "jitp.json").write_text(
        json.dumps(template("SerialNumber", thing={"ThingName": ref("SerialNumber")}))
    )
    (here / "device.pem").write_text(make_device(CA, "d1", serial_number=0xC0FFEE).pem)
    ran = ask(here)
    assert ran.code == 0
    assert re.search(
        r"\nthing +12648430\n +or c0ffee, if AWS IoT writes SerialNumber in hexadecimal\n", ran.stdout
    )
    thing = json.loads(ask(here, "--json").stdout)["devices"][0]["result"]["thing"]
    assert (thing["name"], thing["nameInHex"]) == ("12648430", "c0ffee")


def test_a_policy_that_allows_everything_is_told(here: Path) -> None:
    """A warning, not an error."""
    document = POLICY.replace("iot:Connect", "iot:*")
    body = template("CommonName", thing={"ThingName": ref("CommonName")}, policy={"PolicyDocument": document})
    (here / "jitp.json").write_text(json.dumps(body))
    ran = ask(here)
    assert ran.code == 0
    assert "warning: the policy lets each device do everything" in ran.stdout


def test_the_stage_fills_the_placeholders(here: Path) -> None:
    """--account and --region; without them a stand-in, which is said."""
    told = ask(here, "--account", "222222222222", "--region", "cn-north-1")
    assert "arn:aws-cn:iot:cn-north-1:222222222222:" in told.stdout
    assert "to say otherwise" not in told.stdout
    assert (
        "here {{account}} is 123456789012, {{region}} is us-east-1; --account and --region"
        in ask(here).stdout
    )


def test_another_ca_exits_1(here: Path) -> None:
    """The chain is part of the verdict."""
    (here / "ca.pem").write_text(make_ca("ec-p256", common_name="Other").pem)
    ran = ask(here, "--ca-certificate", "ca.pem")
    assert ran.code == 1
    assert "not signed by CN=Other" in ran.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--template", "none.json", "--device-certificate", "device.pem"],
        ["--template", "ca.pem", "--device-certificate", "device.pem"],
        ["--template", "jitp.json", "--device-certificate", "none.pem"],
        ["--template", "jitp.json", "--device-certificate", "jitp.json"],
        ["--template", "jitp.json", "--device-certificate", "device.pem", "--ca-certificate", "device.pem"],
        ["--template", "jitp.json", "--device-certificate", "device.pem", "--account", "12"],
        ["--template", "jitp.json", "--device-certificate", "device.pem", "--region", "moon"],
        ["--template", "jitp.json", "--device-certificate", "empty"],
        ["--template", "jitp.json"],
    ],
    ids=[
        "no template",
        "no JSON",
        "no device",
        "no certificate",
        "no CA",
        "account",
        "region",
        "empty",
        "nothing",
    ],
)
def test_bad_input_is_a_sentence_and_exits_2(here: Path, arguments: list[str]) -> None:
    """On stderr, without a traceback; nothing on stdout."""
    (here / "empty").mkdir()
    ran = in_pipe("simulate", *arguments, cwd=here)
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr
    assert "Traceback" not in ran.stderr


def test_debug_shows_the_traceback(here: Path) -> None:
    """For those who want it."""
    ran = in_pipe("--debug", "simulate", "-t", "none.json", "-d", "device.pem", cwd=here)
    assert ran.code != 0
    assert "Traceback" in ran.stderr


# --- folders ---


@pytest.fixture
def factory(here: Path) -> Path:
    """A folder of a factory: two batches, keys and the CA between them."""
    device(here / "factory/a.pem", "d1", "S1", key="a")
    device(here / "factory/b.crt", "d2", "S2", key="b")
    device(here / "factory/batch 2/c.cer", "d3", "S3", key="c")
    der = make_device(CA, "d4", subject={"dn_qualifier": "S4"}).certificate.public_bytes(Encoding.DER)
    (here / "factory/d.der").write_bytes(der)
    (here / "factory/a.key.pem").write_text(make_device(CA, "d1").key_pem)
    (here / "factory/fleet-ca.pem").write_text(CA.pem)
    (here / "factory/notes.txt").write_text("no certificate")
    device(here / "factory/.trash/e.pem", "d1", "S5", key="e")
    return here


def rows(ran: Ran) -> dict[str, list[str]]:
    """The table's cells after the first, by the first."""
    table = ran.stdout.split("\n\n")[0].splitlines()[1:]
    cells = [re.split(r" {2,}", line.rstrip()) for line in table]
    return {first: rest for first, *rest in cells}


def test_a_folder_is_a_row_a_device(factory: Path) -> None:
    """With its subfolders; not keys, not the CA that was named, nothing hidden."""
    ran = ask(factory, "--ca-certificate", "ca.pem", devices="factory")
    assert rows(ran) == {
        "a.pem": ["d1", "provisioned"],
        "b.crt": ["d2", "provisioned"],
        "batch 2/c.cer": ["d3", "provisioned"],
        "d.der": ["d4", "provisioned"],
    }
    assert "4 provisioned, 0 not provisioned, 0 not readable, 0 colliding names" in ran.stdout
    assert ran.code == 0


def test_names_that_collide_are_told_and_exit_1(factory: Path) -> None:
    """Each device by itself would be provisioned, and they would share a thing."""
    device(factory / "factory/z.pem", "d1", "S9", key="z")
    ran = ask(factory, "--ca-certificate", "ca.pem", devices="factory")
    assert ran.code == 1
    assert "error: several devices would share the thing 'd1'\n  in 2: a.pem, z.pem\n" in ran.stdout
    assert "1 colliding name" in ran.stdout


def test_the_same_certificate_twice_is_a_warning(factory: Path) -> None:
    """It is one device."""
    (factory / "factory/copy.pem").write_text((factory / "factory/a.pem").read_text())
    ran = ask(factory, "--ca-certificate", "ca.pem", devices="factory")
    assert ran.code == 0
    assert "warning: the same certificate in several files\n  in 2: a.pem, copy.pem\n" in ran.stdout


def test_one_finding_of_many_devices_is_told_once(factory: Path) -> None:
    """With the devices that have it."""
    for number in range(12):
        device(factory / f"factory/x{number:02}.pem", f"x{number}", key="x")
    ran = ask(factory, "--ca-certificate", "ca.pem", devices="factory")
    assert ran.code == 1
    assert ran.stdout.count("error: the subject has no dnQualifier") == 1
    assert "  in 12: x00.pem, x01.pem, " in ran.stdout
    assert " and 2 more\n" in ran.stdout
    assert rows(ran)["x00.pem"] == ["x0", "not provisioned", "subject-field-missing"]


def test_what_cannot_be_read_is_a_row_and_exits_2(factory: Path) -> None:
    """The others are answered all the same."""
    (factory / "factory/bad.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    ran = ask(factory, "--ca-certificate", "ca.pem", devices="factory")
    assert ran.code == 2
    assert rows(ran)["bad.pem"] == ["-", "not readable"]
    assert re.search(r"not readable: it does not parse: .*\n  in bad.pem\n", ran.stdout)
    assert "4 provisioned, 0 not provisioned, 1 not readable" in ran.stdout


# --- how it looks ---


def test_a_pipe_gets_no_colours(factory: Path) -> None:
    """No escape codes, no blanks at line ends."""
    for devices in ("device.pem", "factory"):
        ran = ask(factory, devices=devices)
        assert "\x1b" not in ran.stdout
        assert not [line for line in ran.stdout.splitlines() if line.endswith(" ")]


def test_a_terminal_gets_colours_and_marked_variables(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Policy variables stand out; NO_COLOR leaves bold alone."""
    arguments = ["simulate", "-t", str(here / "jitp.json"), "-d", str(here / "device.pem")]
    ran = in_terminal(*arguments, columns=160)
    assert "\x1b[1;36m${iot:Connection.Thing.ThingName}" in ran.stdout
    assert "\x1b[32m" in ran.stdout
    monkeypatch.setenv("NO_COLOR", "1")
    plain = in_terminal(*arguments, columns=160)
    assert "\x1b[32m" not in plain.stdout
    assert "36m" not in plain.stdout
    assert plain.plain == ran.plain


def test_a_subject_cannot_steer_the_terminal(here: Path) -> None:
    """Control characters are written out, not sent."""
    certificate = make_device(CA, name=subject_of(("CN=\x1b[2Jd1\r\x07", "dnQualifier=S1"))).pem
    (here / "device.pem").write_text(certificate)
    ran = in_terminal("simulate", "-t", str(here / "jitp.json"), "-d", str(here / "device.pem"), columns=160)
    assert "\x1b[2J" not in ran.stdout
    assert "\x07" not in ran.stdout
    (here / "folder").mkdir()
    (here / "folder/device.pem").write_text(certificate)
    for devices in ("device.pem", "folder"):
        ran = ask(here, devices=devices)
        assert ran.code == 1
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", ran.stdout)
        assert "\\x1b[2Jd1" in ran.stdout


# --- JSON ---


def test_json_is_the_whole_answer(here: Path) -> None:
    """For programs: verdict, parameters, thing, policy, findings."""
    device(here / "device.pem", "d1")
    ran = ask(here, "--json", "--ca-certificate", "ca.pem", "--region", "eu-west-1")
    document = json.loads(ran.stdout)
    assert ran.code == document["exitCode"] == 1
    assert (document["shape"], document["version"]) == ("iot-ca/simulate", 1)
    assert (document["region"], document["partition"], document["caCertificateId"]) == (
        "eu-west-1",
        "aws",
        CA.certificate_id,
    )
    (answer,) = document["devices"]
    assert (answer["file"], answer["state"], answer["problem"]) == ("device.pem", "refused", None)
    result = answer["result"]
    assert result["chains"] is True
    assert result["thing"] == {
        "name": "d1",
        "nameInHex": None,
        "attributes": {},
        "type": "pump",
        "groups": ["north"],
        "billingGroup": "bills",
        "packageVersions": {},
    }
    assert {
        "name": "AWS::IoT::Certificate::DistinguishedNameQualifier",
        "value": None,
        "source": "missing",
    } in result["parameters"]
    assert result["policies"][0]["variables"] == ["iot:Connection.Thing.ThingName"]
    assert [each["code"] for each in result["findings"]] == ["subject-field-missing"]


def test_json_md_lists_every_key_that_is_printed(factory: Path) -> None:
    """And no other: both ways."""
    device(factory / "factory/z.pem", "d1", key="z")
    (factory / "factory/copy.pem").write_text((factory / "factory/a.pem").read_text())
    printed = _keys(json.loads(ask(factory, "--json", devices="factory").stdout))
    section = (
        (ROOT / "docs/json.md")
        .read_text(encoding="utf-8")
        .partition("## iot-ca/simulate,")[2]
        .partition("\n## ")[0]
    )
    documented = set(re.findall(r"(?m)^\| `([^`]+)` \|", section))
    # A list that is empty in one place and filled in another is documented by what fills it.
    printed = {
        key
        for key in printed
        if not any(other.startswith(f"{key}.") for other in printed if key.endswith("[]"))
    }
    assert printed == documented


def _keys(value: Any, at: str = "") -> set[str]:
    """The paths of all values; objects that may be null, and attributes, stand for themselves too."""
    itself = {at} if at.endswith((".result", ".thing", ".attributes", ".packageVersions")) else set()
    if at.endswith((".attributes", ".packageVersions")):
        return itself
    if isinstance(value, dict):
        inner = (_keys(each, f"{at}.{name}" if at else name) for name, each in value.items())
        return itself.union(*inner)
    if isinstance(value, list):
        if not value or not isinstance(value[0], dict | list):
            return {f"{at}[]"}
        return itself.union(*(_keys(each, f"{at}[]") for each in value))
    return itself | {at}


def test_every_finding_is_in_the_docs() -> None:
    """A code that a program may meet has a line in docs/simulate.md, and no line is about a code that is gone."""
    model = ROOT / "src/iot_multiaccount_ca/model"
    source = "".join(path.read_text() for room in ("jitp", "jitr") for path in (model / room).rglob("*.py"))
    said = set(re.findall(r'findings\.(?:error|warning)\(\s*"([a-z-]+)"', source))
    for what in ("thing name", "thing type", "thing group", "billing group"):
        assert f'"{what}"' in source
        said |= {f"{what.replace(' ', '-')}-illegal", f"{what.replace(' ', '-')}-not-text"}
    for whose in ("device", "ca"):
        said |= {f"{whose}-certificate-expired", f"{whose}-certificate-not-yet-valid"}
    page = (ROOT / "docs/simulate.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"(?m)^\| `([a-z-]+)` \|", page))
    assert documented == said


def test_it_imports_no_aws_cdk(here: Path) -> None:
    """Nor boto3: it starts fast."""
    code = (
        "import sys; from iot_multiaccount_ca.cli.root import cli; "
        f"cli.main(['simulate', '-t', {str(here / 'jitp.json')!r}, '-d', {str(here / 'device.pem')!r}], "
        "standalone_mode=False)"
    )
    wrapped = (
        f"try:\n    exec({code!r})\nexcept SystemExit: pass\n"
        "import sys; sys.exit(any(name in sys.modules for name in ('aws_cdk', 'boto3', 'botocore', 'jsii')))"
    )
    ran = subprocess.run([sys.executable, "-c", wrapped], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "would be provisioned" in ran.stdout
