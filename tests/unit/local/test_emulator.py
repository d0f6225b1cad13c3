"""The local AWS as a process: it starts alone, reaches nothing of the user's, and never outlives its purpose."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.errors import EmulatorVersionError
from iot_multiaccount_ca.local import bound_process
from iot_multiaccount_ca.local.emulator import LOOPBACK, LocalAws, LocalAwsError, _free_ports
from iot_multiaccount_ca.local.gaps import MINISTACK_VERSION, check_version

if TYPE_CHECKING:
    from collections.abc import Callable

_STARTS_ONE = """
import sys
from iot_multiaccount_ca.local.emulator import LocalAws
with LocalAws() as aws:
    print(aws.gateway_port, aws.folder, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_with_the_process_that_started_it(how: signal.Signals) -> None:
    """However its parent dies, the emulator ends, and its folder is gone."""
    parent = subprocess.Popen(
        [sys.executable, "-c", _STARTS_ONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        port, folder = parent.stdout.readline().split()
        with socket.create_connection((LOOPBACK, int(port)), timeout=20) as connection:
            parent.send_signal(how)
            try:
                assert connection.recv(1) == b""
            except ConnectionResetError:
                pass  # also an end
    # The folder goes once every process is gone.
    wait_until(lambda: not Path(folder).exists())


def test_one_that_is_released_lives_on_until_it_is_told() -> None:
    """What `--keep` leaves running is ended by one SIGTERM to one process, folder and all."""
    starts_and_releases = _STARTS_ONE.replace("sys.stdin.read()", "aws.release(); os._exit(0)").replace(
        "print(", "import os; print(aws.pid, "
    )
    ran = subprocess.run(
        [sys.executable, "-c", starts_and_releases], capture_output=True, text=True, check=True
    )
    pid, port, folder = ran.stdout.split()
    with socket.create_connection((LOOPBACK, int(port)), timeout=20) as connection:
        os.kill(int(pid), signal.SIGTERM)
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass
    wait_until(lambda: not Path(folder).exists())


@pytest.mark.parametrize("how", ["told twice", "its emulator was killed"])
def test_one_that_is_released_leaves_nothing_however_it_ends(how: str) -> None:
    """Who is told to end twice, in the middle of ending, ends in order; and who has nothing left to run ends, too."""
    bound = [sys.executable, bound_process.__file__, "--folder", "{}", "--"]
    folder = tempfile.mkdtemp()
    # A command that takes its time to end.
    script = "trap 'echo ending; sleep 1; exit' TERM; echo $$; while true; do sleep 0.1; done"
    command = [*(each.format(folder) for each in bound), "sh", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(bound_process.RELEASE)
        process.stdin.close()
        pid = int(process.stdout.readline())
        if how == "told twice":
            process.terminate()
            assert process.stdout.readline() == b"ending\n"
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                process.send_signal(number)
        else:
            os.kill(pid, signal.SIGKILL)
        code = process.wait(20)
    assert code == 128 + (signal.SIGTERM if how == "told twice" else signal.SIGKILL)
    assert not Path(folder).exists()
    assert not is_running(pid)


def test_a_command_ends_with_its_starter() -> None:
    """A bound command, and what it started, end when the pipe to its starter closes; its exit code is passed on."""
    bound = [sys.executable, bound_process.__file__, "--"]
    with subprocess.Popen([*bound, "sh", "-c", "exit 7"], stdin=subprocess.PIPE) as ends:
        assert ends.wait(20) == 7
    script = "sleep 600 & echo $!; wait"
    process = subprocess.Popen(
        [*bound, "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        grandchild = int(process.stdout.readline())
        process.stdin.close()
        assert process.wait(20) == 128 + signal.SIGTERM
    wait_until(lambda: not is_running(grandchild))


def is_running(pid: int) -> bool:
    """Whether the process is there, and no zombie that waits for somebody to look."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for a condition, 20 seconds at most."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_proxy_of_the_users_is_passed_by(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients reach the local AWS whatever proxy the environment names."""
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    sts = aws.client("sts", account="444444444445", region="eu-west-1")
    assert sts.get_caller_identity()["Account"] == "444444444445"


def test_one_more_address_is_for_devices_alone() -> None:
    """`bind` lets boards in on one more address; the accounts stay on 127.0.0.1."""
    with LocalAws(bind="127.0.0.2") as local:
        for address in (LOOPBACK, "127.0.0.2"):
            socket.create_connection((address, local.broker_port), timeout=5).close()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", local.gateway_port), timeout=5)


def test_an_address_of_another_machine() -> None:
    """An address that is not this machine's is no start, and the log's end says why."""
    with pytest.raises(LocalAwsError, match="192.0.2.1"):
        LocalAws(bind="192.0.2.1").start()


def test_a_port_that_was_taken_in_the_meantime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the accounts or of the devices: it starts on others, and nothing is left of the first attempt."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        for first in ([port, 0], [0, port]):
            free = iter([first])
            monkeypatch.setattr(
                "iot_multiaccount_ca.local.emulator._free_ports",
                lambda count, free=free: [each or _free_ports(1)[0] for each in next(free, [0] * count)],
            )
            with LocalAws() as local:
                assert port not in (local.gateway_port, local.broker_port)
                assert [*tmp_path.iterdir()] == [local.folder]


def test_stopping_twice_is_once() -> None:
    """A local AWS that is stopped is gone, and stopping it again does nothing."""
    aws = LocalAws(tls=False, auth=False)
    aws.start()
    port = aws.gateway_port
    assert aws.endpoint_url.startswith("http://")
    aws.stop()
    aws.stop()
    assert not aws.folder.exists()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((LOOPBACK, port), timeout=5)


def test_one_that_does_not_start_says_why_and_leaves_nothing() -> None:
    """The error of a start that fails has the end of the emulator's log."""
    aws = LocalAws(settings={"GATEWAY_PORT": "no port"})
    with pytest.raises(LocalAwsError, match="invalid literal for int"):
        aws.start()
    assert not aws.folder.exists()


def test_nothing_of_the_users_aws_reaches_a_tool(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment for tools has no profile, session, endpoint or proxy but those of the local AWS."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "https_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "of the user")
    monkeypatch.setenv("AWS_ENDPOINT_URL_IOT", "https://iot.eu-west-1.amazonaws.com")
    environment = aws.environment("111111111111", "eu-west-1")
    assert "of the user" not in environment.values()
    assert "AWS_ENDPOINT_URL_IOT" not in environment
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoint_url
    assert not os.path.exists(environment["AWS_CONFIG_FILE"])  # noqa: PTH110 - a path out of an environment
    assert not os.path.exists(environment["AWS_SHARED_CREDENTIALS_FILE"])  # noqa: PTH110


def test_a_client_reads_no_configuration_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: LocalAws
) -> None:
    """A broken or foreign AWS configuration of the user's does not change a client."""
    config = tmp_path / "config"
    config.write_text("[default]\nendpoint_url = https://elsewhere.invalid\n[profile mine]\nregion = x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "not there")
    sts = aws.client("sts", account="444444444444", region="eu-west-1")
    assert sts.get_caller_identity()["Account"] == "444444444444"


def test_another_version_of_the_emulator_is_refused() -> None:
    """The gap-closer wraps inner functions of one version, and runs on no other."""
    check_version(MINISTACK_VERSION)
    with pytest.raises(
        EmulatorVersionError, match=rf"got '1\.5\.34'; allowed: {MINISTACK_VERSION}; fix: pip install"
    ):
        check_version("1.5.34")
