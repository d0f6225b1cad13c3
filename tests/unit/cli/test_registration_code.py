"""`iot-ca registration-code`: asking accounts for their codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.cli.signing import code_requests
from support.certificates import make_ca, registration_code
from support.fakes.fleet_aws import FakeAws
from support.fleets import (
    ACCOUNTS,
    Fleet,
    record,
    write_assembly,
)
from support.terminal import in_pipe

if TYPE_CHECKING:
    from pathlib import Path

    from iot_multiaccount_ca.model.assembly import RegistrationRecord
    from support.terminal import Ran

PROD, REGION = ACCOUNTS[2], "eu-west-1"
CA = make_ca()
LOOKUP_ROLE = f"arn:aws:iam::{PROD}:role/cdk-hnb659fds-lookup-role-{PROD}-{REGION}"
ASKED = f"{PROD}/{REGION}/GetRegistrationCode"
TARGET = ("--target", f"prod={PROD}/{REGION}")


_DEFAULT: dict[str, Any] = {
    "certificate_mode": "DEFAULT",
    "verification": {"type": "SECRET", "secretId": "fleet-ca", "field": None},
}


def prod(**changes: Any) -> RegistrationRecord:
    """A DEFAULT stage that proves possession."""
    return record("prod", PROD, **{**_DEFAULT, "certificate_id": CA.certificate_id, **changes})


class Desk:
    """Who asks the accounts, from the first of them."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet, self.folder = fleet, folder
        fleet.world.codes[f"{PROD}/{REGION}"] = registration_code()

    @property
    def asked(self) -> list[str]:
        """Who was asked for a code."""
        return [call for call in self.fleet.world.calls if call.endswith("GetRegistrationCode")]

    def run(self, *arguments: str, out: str = "request.json") -> Ran:
        """Run the command; with --target it needs the CA, which is added."""
        if "--target" in arguments and "--ca-certificate" not in arguments:
            (self.folder / "ca.pem").write_text(CA.pem)
            arguments += ("--ca-certificate", str(self.folder / "ca.pem"))
        return self.run_as_it_is(*arguments, out=out)

    def run_as_it_is(self, *arguments: str, out: str = "request.json") -> Ran:
        """Run the command."""
        with FakeAws(self.fleet.world) as url:
            self.fleet.ask(url)
            return in_pipe("registration-code", *arguments, "--out", str(self.folder / out))

    def requests(self, *arguments: str, out: str = "request.json") -> list[code_requests.CodeRequest]:
        """What it wrote."""
        ran = self.run(*arguments, out=out)
        assert ran.code == 0, ran.stderr
        return code_requests.read(self.folder / out)

    def refused(self, *arguments: str) -> str:
        """What it said instead; no file is written."""
        ran = self.run(*arguments)
        assert ran.code == 2, ran.stdout
        assert ran.stderr.startswith("iot-ca: ")
        assert not (self.folder / "request.json").exists()
        return ran.stderr

    def app(self, *records: RegistrationRecord, **how: Any) -> tuple[str, str]:
        """An app of these registrations."""
        return "--app", str(write_assembly(self.folder / "cdk.out", records, **how))


@pytest.fixture
def desk(fleet: Fleet, tmp_path: Path) -> Desk:
    return Desk(fleet, tmp_path)


def test_it_asks_the_default_stages(desk: Desk) -> None:
    """Only DEFAULT stages are asked, through CDK's lookup role; a table and a request file are the result."""
    ran = desk.run(*desk.app(record(), prod(subject="CN=Fleet CA")))
    assert ran.code == 0, ran.stderr
    assert desk.asked == [ASKED]
    (request,) = code_requests.read(desk.folder / "request.json")
    assert request == code_requests.CodeRequest(
        "prod", PROD, REGION, registration_code(), CA.certificate_id, "CN=Fleet CA"
    )
    assert ["prod", PROD, REGION, registration_code()] in [line.split() for line in ran.stdout.splitlines()]
    assert "iot-ca verification-cert" in ran.stdout


def test_the_lookup_role_is_the_assemblys(desk: Desk) -> None:
    """An app of another qualifier needs no option."""
    role = LOOKUP_ROLE.replace("hnb659fds", "acme")
    desk.fleet.world.roles -= {LOOKUP_ROLE}
    desk.fleet.world.roles |= {role}
    assert desk.requests(*desk.app(prod(), qualifier="acme"))


def test_an_account_can_be_asked_before_there_is_an_app(desk: Desk) -> None:
    """--target breaks the circle: the app wants the certificate, the certificate the code."""
    (request,) = desk.requests(*TARGET, out="new/request.json")
    assert (request.name, request.ca_certificate_id) == ("prod", CA.certificate_id)


def test_a_request_always_names_its_ca(desk: Desk) -> None:
    """Without a plan the CA has to be given, before anyone is asked: no code is signed by whatever CA is at hand."""
    ran = desk.run_as_it_is(*TARGET)
    assert ran.code == 2
    assert "--target without --ca-certificate" in ran.stderr
    assert desk.asked == []


def test_a_request_file_is_not_written_over(desk: Desk) -> None:
    """Neither a file nor what a link points to; it is said before anyone is asked. --force replaces the link itself."""
    kept = desk.folder / "kept.json"
    kept.write_text("kept")
    (desk.folder / "file.json").write_text("kept")
    (desk.folder / "link.json").symlink_to(kept)
    (desk.folder / "dangling.json").symlink_to(desk.folder / "nowhere.json")
    for name in ("file.json", "link.json", "dangling.json"):
        ran = desk.run(*TARGET, out=name)
        assert ran.code == 2
        assert "--force" in ran.stderr
    assert desk.asked == []
    for name in ("file.json", "link.json"):
        assert desk.requests(*TARGET, "--force", out=name)
    assert kept.read_text() == "kept"
    assert not (desk.folder / "nowhere.json").exists()


def test_two_cas_of_a_stage_are_two_requests(desk: Desk) -> None:
    """In a rotation both CAs sign the one code, which is asked for once."""
    old = prod(certificate_id="0" * 64, logical_id="CaOld", retiring=True)
    unproved = prod(certificate_id="1" * 64, logical_id="CaOlder", retiring=True, verification=None)
    names = [each.name for each in desk.requests(*desk.app(prod(), old, unproved))]
    assert names == [f"prod-{CA.certificate_id[:8]}", "prod-00000000"]
    assert len(desk.asked) == 1


def test_stages_of_one_name_are_told_apart(desk: Desk) -> None:
    """Of two plans: by their CAs, or by their places; the signer would refuse two files of one name."""
    desk.fleet.world.codes |= {f"{each}/{REGION}": registration_code(each) for each in ACCOUNTS}
    other = record("Prod", ACCOUNTS[1], **{**_DEFAULT, "certificate_id": CA.certificate_id})
    alone = record("dev", ACCOUNTS[0], **{**_DEFAULT, "certificate_id": "0" * 64})
    names = [each.name for each in desk.requests(*desk.app(prod(), other, alone))]
    assert names == [f"prod-{PROD}-{REGION}", f"Prod-{ACCOUNTS[1]}-{REGION}", "dev"]


def test_two_targets_of_one_name_are_refused(desk: Desk) -> None:
    """Before anyone is asked."""
    said = desk.refused(*TARGET, "--target", f"Prod={ACCOUNTS[0]}/{REGION}")
    assert "two --target of one name" in said
    assert desk.asked == []


def test_the_callers_own_account_needs_no_role(desk: Desk) -> None:
    """Where the lookup role cannot be taken, but the credentials are the account's, these ask."""
    desk.fleet.world.roles.clear()
    own = ACCOUNTS[0]
    desk.fleet.world.codes[f"{own}/{REGION}"] = registration_code()
    assert desk.requests("--target", f"own={own}/{REGION}")


def test_another_role_can_be_named(desk: Desk) -> None:
    """--role-name is taken in the account, and never quietly replaced by the caller's own credentials."""
    desk.fleet.world.roles = {f"arn:aws:iam::{PROD}:role/Auditor"}
    assert "Other" in desk.refused(*TARGET, "--role-name", "Other")
    assert desk.requests(*TARGET, "--role-name", "Auditor")


def test_no_access_is_a_sentence(desk: Desk) -> None:
    """It names account, role and what to do."""
    desk.fleet.world.roles.clear()
    said = desk.refused(*TARGET)
    for part in (f"no access to account {PROD} in eu-west-1", LOOKUP_ROLE, "--role-name", "cdk bootstrap"):
        assert part in said


def test_no_code_is_a_sentence(desk: Desk) -> None:
    """AWS IoT's refusal is told with the account."""
    desk.fleet.world.codes.clear()
    assert f"account {PROD} gives no registration code in eu-west-1" in desk.refused(*TARGET)


@pytest.mark.parametrize(
    ("planned", "options", "says"),
    [
        (prod(certificate_mode="SNI_ONLY", verification=None), (), "the app has no DEFAULT stage"),
        (prod(), ("--stage", "prd"), "there is no DEFAULT stage 'prd'"),
    ],
)
def test_nothing_to_ask_is_a_sentence(
    desk: Desk, planned: RegistrationRecord, options: tuple[str, ...], says: str
) -> None:
    """No DEFAULT stage, or none of the wanted name: nobody is asked."""
    assert says in desk.refused(*desk.app(planned), *options)
    assert desk.fleet.world.calls == []


@pytest.mark.parametrize(
    "target", ["prod", "prod=333/eu-west-1", "prod=333333333333/Ireland", "=333333333333/eu-west-1"]
)
def test_a_malformed_target_is_a_sentence(desk: Desk, target: str) -> None:
    """Name, account and region are checked before anyone is asked."""
    desk.refused("--target", target)
    assert desk.fleet.world.calls == []


def test_a_folder_that_is_no_app_is_a_sentence(desk: Desk) -> None:
    """It says to synthesize first."""
    assert "cdk synth" in desk.refused("--app", str(desk.folder))
