"""What ``make verify-aws`` makes in an account is removed or listed, whatever happens on the way."""

from __future__ import annotations

import errno
import io
import os
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from tools.verify_aws import __main__ as command
from tools.verify_aws.accounts import Account
from tools.verify_aws.checks import Check, Finding
from tools.verify_aws.room import Room
from tools.verify_aws.stack_checks import import_of, set_of_one

from support.fakes.aws_iot import AwsIot, FakeIot
from support.fakes.wire import Refusal, client_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ONE, TWO, REGION = "111111111111", "222222222222", "eu-west-1"


class Line:
    """The way to an account's AWS IoT: the answer of an operation can be lost on it, and it can be cut."""

    service = "iot"

    def __init__(self, fake: FakeIot) -> None:
        self.fake = fake
        self.loses: set[str] = set()
        self.cut = False

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fake's, as far as it gets through."""
        if self.cut:
            raise EndpointConnectionError(endpoint_url="https://iot.eu-west-1.amazonaws.com/")
        answer = self.fake.answer(operation, parameters)
        if operation in self.loses:
            raise ReadTimeoutError(endpoint_url="https://iot.eu-west-1.amazonaws.com/")
        return answer


def account(line: Line) -> Account:
    """An account at the end of a line."""
    client = client_of(line)
    return Account(
        line.fake.account, REGION, "aws", lambda *_, **__: client, lambda _: pytest.fail("no device")
    )


@pytest.fixture(params=[True, False], ids=["by the digest", "by another id"])
def line(request: pytest.FixtureRequest) -> Line:
    """To an account whose CA ids are the digest, or are not."""
    return Line(AwsIot(digest_ids=request.param).at(ONE))


def test_what_was_made_is_removed(line: Line) -> None:
    """Nothing is left in the account, and nothing is listed."""
    left: list[str] = []
    with Room(left) as room:
        room.register(account(line), room.ca())
        assert len(line.fake.cas) == 1
    assert (line.fake.cas, left) == ({}, [])


def test_a_create_whose_answer_was_lost_is_looked_for(line: Line) -> None:
    """It may have made the CA all the same, under whatever id."""
    left: list[str] = []
    line.loses.add("RegisterCACertificate")
    with pytest.raises(ReadTimeoutError), Room(left) as room:
        room.register(account(line), room.ca())
    assert "RegisterCACertificate" in line.fake.calls
    assert (line.fake.cas, left) == ({}, [])


def test_a_create_that_botocore_repeats_is_looked_for_too(line: Line) -> None:
    """Its second try finds what the first one made."""
    left: list[str] = []
    there = account(line)
    with Room(left) as room:
        ca = room.ca()
        there.iot.register_ca_certificate(caCertificate=ca.pem, certificateMode="SNI_ONLY")
        with pytest.raises(ClientError, match="ResourceAlreadyExists"):
            room.register(there, ca)
    assert (line.fake.cas, left) == ({}, [])


def test_a_create_that_was_refused_left_nothing_to_remove(line: Line) -> None:
    """No call is made for it, that could be refused in its turn."""
    left: list[str] = []
    line.fake.fail("RegisterCACertificate", Refusal("UnauthorizedException", status=401))
    with pytest.raises(ClientError), Room(left) as room:
        room.register(account(line), room.ca())
    assert (line.fake.calls, left) == (["RegisterCACertificate"], [])


def test_a_refusal_of_a_second_try_does_not_mean_that_the_first_made_nothing(line: Line) -> None:
    """Its answer may have been lost: what botocore repeated is looked for, whatever AWS says the second time."""
    left: list[str] = []
    there = account(line)
    again = {"HTTPStatusCode": 410, "RetryAttempts": 1}
    with pytest.raises(ClientError, match="LimitExceeded"), Room(left) as room:
        ca = room.ca()
        there.iot.register_ca_certificate(caCertificate=ca.pem, certificateMode="SNI_ONLY")
        line.fake.fail("RegisterCACertificate", Refusal("LimitExceededException", ResponseMetadata=again))
        room.register(there, ca)
    assert (line.fake.cas, left) == ({}, [])


def test_without_a_network_all_that_is_left_is_listed(line: Line) -> None:
    """Each by itself, with where it is and why."""
    left: list[str] = []
    with Room(left) as room:
        cas = [room.ca(), room.ca()]
        for each in cas:
            room.register(account(line), each)
        line.cut = True
    assert left == [
        f"the CA {each.digest} in {ONE}, {REGION} (EndpointConnectionError)" for each in reversed(cas)
    ]


def test_a_removal_that_is_refused_is_listed(line: Line) -> None:
    """With AWS's code."""
    left: list[str] = []
    line.fake.fail_always("DeleteCACertificate", Refusal("UnauthorizedException", status=401))
    with Room(left) as room:
        ca = room.ca()
        room.register(account(line), ca)
    assert left == [f"the CA {ca.digest} in {ONE}, {REGION} (UnauthorizedException)"]


def attempt(line: Line, then: Callable[[], object]) -> Callable[[Room, Account, Account], Finding]:
    """A check that registers a CA, and something happens."""

    def made(room: Room, one: Account, _: Account) -> Finding:
        room.register(one, room.ca())
        then()
        return Finding("made", True)

    return made


def run(monkeypatch: pytest.MonkeyPatch, line: Line, then: Callable[[], object], *, times: int = 1) -> int:
    """The command with that check alone, on two accounts."""
    there = [account(line), account(Line(AwsIot().at(TWO)))]
    monkeypatch.setattr(command, "CHECKS", (Check("something", attempt(line, then)),) * times)
    monkeypatch.setattr(command, "of_profile", lambda *_: there.pop(0))
    return command.main(["--profile", "a", "--profile", "b", "--yes"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_ends_it_leaves_nothing_behind(
    number: signal.Signals, line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C, a job that is stopped, a terminal that is closed; the exit code says that it did not come to its end."""
    before = signal.getsignal(number)
    code = run(monkeypatch, line, lambda: signal.raise_signal(number))
    assert (code, line.fake.cas, signal.getsignal(number)) == (command.COULD_NOT, {}, before)
    assert "interrupted" in capsys.readouterr().err


def test_a_signal_that_comes_twice_does_not_stop_the_removal(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`timeout` sends SIGTERM to the process and to its group."""
    answer = line.fake.answer

    def again(operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation == "UpdateCACertificate":
            signal.raise_signal(signal.SIGTERM)
        return answer(operation, parameters)

    monkeypatch.setattr(line.fake, "answer", again)
    assert run(monkeypatch, line, lambda: signal.raise_signal(signal.SIGTERM)) == command.COULD_NOT
    assert "UpdateCACertificate" in line.fake.calls
    assert line.fake.cas == {}


def test_who_does_not_wait_for_the_removal_gets_the_list(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C while it removes."""
    line.fake.fail("UpdateCACertificate", KeyboardInterrupt())
    code = run(monkeypatch, line, lambda: signal.raise_signal(signal.SIGTERM))
    said = capsys.readouterr().err
    assert code == command.COULD_NOT
    assert f" in {ONE}, {REGION} (not removed)" in said
    assert said.count("left behind, remove it by hand: the CA ") == 1
    assert len(line.fake.cas) == 1


def test_ctrl_c_in_a_removal_ends_the_run_after_it(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody had pressed it before: what was about to go goes all the same."""
    line.fake.fail("UpdateCACertificate", KeyboardInterrupt())
    assert run(monkeypatch, line, lambda: None) == command.COULD_NOT
    said = capsys.readouterr().err
    assert "interrupted" in said
    assert "left behind" not in said
    assert line.fake.cas == {}


class Gone(io.StringIO):
    """A terminal that was closed, or a pipe whose reader was ended by the same Ctrl-C."""

    def write(self, _: str) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_where_nobody_reads_it_removes_all_the_same(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """`2>&1 | tee` is ended with it, and a terminal that is closed takes no word more."""
    monkeypatch.setattr("sys.stderr", Gone())
    assert run(monkeypatch, line, lambda: signal.raise_signal(signal.SIGHUP)) == command.COULD_NOT
    assert "UpdateCACertificate" in line.fake.calls
    assert line.fake.cas == {}


def test_once_aws_is_gone_nothing_more_is_tried(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list at the end holds what was made before, and little that never was."""

    def cut() -> None:
        line.cut = True

    assert run(monkeypatch, line, cut, times=9) == command.COULD_NOT
    said = capsys.readouterr()
    assert said.out.count("| something |") == 2
    assert said.err.count("left behind, remove it by hand: the CA ") == 2
    assert "AWS cannot be reached any more" in said.err


def test_a_check_that_breaks_in_a_way_that_nobody_foresaw_is_a_row(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer that is none of AWS's, for example; the exit code says "could not", not "AWS does otherwise"."""

    def strange() -> None:
        raise KeyError("Role")

    assert run(monkeypatch, line, strange) == command.COULD_NOT
    assert "| something | the check broke: KeyError: 'Role' | not tried |" in capsys.readouterr().out
    assert line.fake.cas == {}


class Stacks:
    """CloudFormation, in which each stack stays in the state that it is given."""

    def __init__(self, then: str, *, busy: int = 0) -> None:
        self.then, self.busy, self.deleted = then, busy, False
        self.exceptions = SimpleNamespace(OperationInProgressException=Busy)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **asked: self.answer(operation)

    def answer(self, operation: str) -> Any:
        """What any operation answers."""
        if operation == "delete_stack_instances" and self.busy:
            self.busy -= 1
            raise Busy
        self.deleted |= operation.startswith("delete_stack") and operation != "delete_stack_set"
        status = self.then if self.deleted else "SUCCEEDED"
        return {
            "Status": "CREATE_COMPLETE",
            "Stacks": [{"StackStatus": self.then if self.deleted else "IMPORT_COMPLETE"}],
            "OperationId": "1",
            "StackSetOperation": {"Status": status},
            "Summaries": [{"Status": "CURRENT"}],
        }


class Busy(Exception):  # noqa: N818 - an answer of AWS
    """An operation is under way."""


def account_with(line: Line, stacks: Stacks) -> Account:
    """An account with that CloudFormation, whose IAM takes everything."""
    role = {"Role": {"Arn": f"arn:aws:iam::{ONE}:role/x"}}

    class Iam:
        def __getattr__(self, _: str) -> Callable[..., Any]:
            return lambda **asked: role

    clients = {"iot": client_of(line), "cloudformation": stacks, "iam": Iam()}
    return Account(
        ONE, REGION, "aws", lambda service, **_: clients[service], lambda _: pytest.fail("no device")
    )


@pytest.mark.parametrize(("then", "told"), [("DELETE_COMPLETE", []), ("DELETE_FAILED", ["the stack"])])
def test_a_stack_whose_deletion_fails_is_listed(then: str, told: list[str], line: Line) -> None:
    """CloudFormation takes a deletion on, and may not carry it out."""
    left: list[str] = []
    with Room(left) as room:
        assert import_of(room, account_with(line, Stacks(then))) == "IMPORT_COMPLETE"
    assert [each[: len("the stack")] for each in left] == told
    assert all(f"({then})" in each for each in left)


@pytest.mark.parametrize(("then", "told"), [("SUCCEEDED", []), ("FAILED", ["the instances"])])
def test_instances_whose_deletion_fails_are_listed(
    then: str, told: list[str], line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set has one operation at a time: one that is under way is waited for; how the deletion ended counts."""
    monkeypatch.setattr("tools.verify_aws.room._POLL", 0.01)
    left: list[str] = []
    stacks = Stacks(then, busy=2)
    with Room(left) as room:
        assert set_of_one(room, account_with(line, stacks)) == "CURRENT"
    assert (stacks.busy, stacks.deleted) == (0, True)
    assert [each[: len("the instances")] for each in left] == told
    assert all(f"(their deletion {then})" in each for each in left)


def test_it_says_beforehand_what_it_makes(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Accounts, region, the roles with rights over all of AWS IoT, and the cost; a no makes nothing."""
    there = [account(line), account(Line(AwsIot().at(TWO)))]
    monkeypatch.setattr(command, "of_profile", lambda *_: there.pop(0))
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    assert command.main(["--profile", "a", "--profile", "b"]) == command.COULD_NOT
    said = capsys.readouterr().err
    for each in (
        ONE,
        TWO,
        REGION,
        "iot-ca-verify",
        "with iot:*, one of them also with cloudformation:*",
        "cent",
    ):
        assert each in said
    assert line.fake.calls == []


def test_with_yes_it_says_so_too(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever reads the log of a job finds what was made where."""
    run(monkeypatch, line, lambda: None)
    assert f"In {ONE} and {TWO}, {REGION}, this makes and removes again" in capsys.readouterr().err
