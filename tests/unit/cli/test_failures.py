"""However a command ends, it ends with a sentence and one of the exit codes 0, 1, 2."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from iot_multiaccount_ca.cli import failures, main
from iot_multiaccount_ca.cli.root import cli
from iot_multiaccount_ca.errors import AssemblyError
from support.fakes.fleet_aws import FakeAws
from support.fleets import Fleet, record, three_stages, write_assembly
from support.terminal import in_pipe, in_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = [sys.executable, "-c", "from iot_multiaccount_ca.cli import main; main()"]


def raising(error: BaseException) -> Callable[[], object]:
    """A command that ends so."""

    def call() -> object:
        raise error

    return call


def ended(
    call: Callable[[], object], capsys: pytest.CaptureFixture[str], *, debug: bool = False
) -> tuple[int, str]:
    """Exit code, and what was said on stderr."""
    with pytest.raises(SystemExit) as caught:
        failures.run(call, debug=debug)
    assert isinstance(caught.value.code, int)
    return caught.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AssemblyError("it is broken", fix="mend it"), "iot-ca: it is broken; fix: mend it\n"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "a.pem"),
            "iot-ca: a.pem: no such file",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "out"), "iot-ca: out: permission denied\n"),
        (OSError(errno.ENOSPC, "No space left on device"), "iot-ca: no space left on device\n"),
        (TimeoutError(), "iot-ca: timeouterror\n"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "not UTF-8"),
        (MemoryError(), "more here than this machine's memory holds"),
        (RecursionError(), "more here than this machine's memory holds"),
        (KeyboardInterrupt(), "iot-ca: interrupted\n"),
        (click.Abort(), "iot-ca: interrupted\n"),
        (click.ClickException("odd"), "iot-ca: odd\n"),
        (click.UsageError("no such thing"), "iot-ca: no such thing\n"),
        (
            TypeError("x is no y"),
            "this is a bug of iot-ca: TypeError: x is no y; fix: run it again with `iot-ca --debug",
        ),
        (ValueError("odd\x1b[31m"), "ValueError: odd\\x1b[31m"),
        (GeneratorExit(), "GeneratorExit"),
    ],
)
def test_every_failure_is_a_sentence_and_2(
    error: BaseException, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was wrong, without a traceback; with one under --debug, and the exit code stays."""
    code, shown = ended(raising(error), capsys)
    assert code == 2
    assert said in shown
    assert "Traceback" not in shown
    code, shown = ended(raising(error), capsys, debug=True)
    assert code == 2
    assert shown.startswith(("Traceback", type(error).__name__)) or type(error).__name__ in shown
    assert said in shown


def test_every_error_of_botocore_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever class it is: they are many."""
    from botocore import exceptions

    errors = [
        exceptions.ClientError({"Error": {"Code": "X", "Message": "m\x1b"}}, "DescribeEndpoint"),
        exceptions.EndpointConnectionError(endpoint_url="https://x"),
        exceptions.ProfileNotFound(profile="x"),
        exceptions.NoRegionError(),
        exceptions.TokenRetrievalError(provider="sso", error_msg="expired"),
    ]
    for error in errors:
        code, shown = ended(raising(error), capsys)
        assert (code, "bug" in shown, "\x1b" in shown) == (2, False, False), shown
        assert shown.startswith("iot-ca: AWS could not be asked: ")


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), (2, 2), (3, 2), (-1, 2), ("x", 2)])
def test_only_commands_say_0_and_1(returned: object, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever else they end with is 2."""
    assert ended(lambda: sys.exit(returned), capsys)[0] == code  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["plan", "--nonsense"], ["plan", "more"], ["verify", "--concurrency", "0"]]
)
def test_a_command_line_that_cannot_be_is_2(arguments: list[str]) -> None:
    """With where to find help."""
    ran = in_pipe(*arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert "--help' for help" in ran.stderr


def test_no_arguments_is_help() -> None:
    """On stdout, and no failure."""
    ran = in_pipe()
    assert ran.code == 0
    assert "Usage: iot-ca" in ran.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["--version"]])
def test_a_reader_who_has_seen_enough_of_the_help_is_no_failure(arguments: list[str]) -> None:
    """`iot-ca --help | true`."""
    assert closed(*arguments) == (0, b"")


def test_a_reader_who_has_seen_enough_changes_no_exit_code(tmp_path: Path) -> None:
    """`| head`: nothing on stderr, and the code is the command's own."""
    folder = str(write_assembly(tmp_path, three_stages()))
    for form in ([], ["--json"], ["--markdown"]):
        assert closed("plan", "--app", folder, *form) == (0, b"")


def test_a_reader_who_has_seen_enough_hides_no_difference(fleet: Fleet) -> None:
    """`iot-ca verify | head -1` in a script still tells 0 from 1 and 2."""
    fleet.world.cas.popitem()
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        assert closed("verify", "--app", str(fleet.assembly())) == (1, b"")


def closed(*arguments: str) -> tuple[int, bytes]:
    """Exit code and stderr of a run whose stdout nobody reads."""
    ours, theirs = os.pipe()
    os.close(ours)
    ran = subprocess.run([*PROGRAM, *arguments], stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    return ran.returncode, ran.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_that_ends_it_prints_what_is_known(number: signal.Signals, fleet: Fleet) -> None:
    """As Ctrl-C does: the table, and 2."""
    server = FakeAws(fleet.world)
    server.hang.add("333333333333/DescribeCACertificate")
    with server as url:
        fleet.ask(url)
        process = subprocess.Popen(
            [*PROGRAM, "verify", "--app", str(fleet.assembly())],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        waited = time.monotonic()
        while sum("DescribeEndpoint" in call for call in fleet.world.calls) < 2:
            assert time.monotonic() < waited + 60
            time.sleep(0.01)
        process.send_signal(number)
        said, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said.splitlines()[-1].endswith("(interrupted)")
    assert errors == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_app_is_synthesized_is_a_sentence(number: signal.Signals, tmp_path: Path) -> None:
    """Nothing is known yet."""
    started = tmp_path / "started"
    command = f"{sys.executable} -c \"open('{started}', 'w').close(); import time; time.sleep(60)\""
    process = subprocess.Popen(
        [*PROGRAM, "plan", "--app", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    waited = time.monotonic()
    while not started.exists():
        assert time.monotonic() < waited + 60
        time.sleep(0.01)
    os.killpg(process.pid, number)
    said, errors = process.communicate(timeout=30)
    assert (process.returncode, said, errors) == (2, "", "iot-ca: interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("heeds", [True, False])
def test_a_signal_to_it_alone_ends_all_that_the_app_started(
    number: signal.Signals, heeds: bool, tmp_path: Path
) -> None:
    """The shell and what it runs, whether that heeds SIGTERM or not: nothing goes on alone."""
    started = tmp_path / "started"
    source = (
        "import os, pathlib, signal, time\n"
        + ("" if heeds else "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n")
        + f"path = pathlib.Path({str(started)!r}); path.with_suffix('.new').write_text(str(os.getpid()))\n"
        "path.with_suffix('.new').rename(path); time.sleep(60)\n"
    )
    app = tmp_path / "app.py"
    app.write_text(source)
    process = subprocess.Popen(
        [*PROGRAM, "plan", "--app", f"{sys.executable} {app}; true"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    waited = time.monotonic()
    while not started.exists():
        assert time.monotonic() < waited + 60
        time.sleep(0.01)
    process.send_signal(number)
    said, errors = process.communicate(timeout=30)
    assert (process.returncode, said, errors) == (2, "", "iot-ca: interrupted\n")
    grandchild = int(started.read_text())
    waited = time.monotonic()
    while _runs(grandchild):
        assert time.monotonic() < waited + 10
        time.sleep(0.01)


def _runs(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_ends_it_at_any_moment_is_2_and_no_traceback(tmp_path: Path) -> None:
    """In the imports, the reading, the printing and the end: sent at moments all over the run."""
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    folder = str(write_assembly(tmp_path, [record()]))
    # A dot as soon as `main` has begun: it imports the commands first of all.
    begun = (
        "import sys; from iot_multiaccount_ca.cli import main\n"
        "class Begun:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'iot_multiaccount_ca.cli.root': sys.stderr.write('.'); sys.stderr.flush()\n"
        "sys.meta_path.insert(0, Begun()); main()"
    )
    for moment in range(0, 400, 20):
        process = subprocess.Popen(
            [sys.executable, "-c", begun, "plan", "--app", folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        assert process.stderr.read(1) == "."
        time.sleep(moment / 1000)
        process.send_signal(signals[moment // 20 % 3])
        _, errors = process.communicate(timeout=30)
        assert process.returncode in {0, 2}, errors
        assert "Traceback" not in errors
        assert process.returncode == 0 or errors == "iot-ca: interrupted\n"


def test_an_interrupt_that_python_makes_another_error_of_is_a_sentence() -> None:
    """As it does of one in the middle of a file's compilation."""
    interrupted = (
        "import signal, sys; from iot_multiaccount_ca.cli import main\n"
        "class Compiling:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'iot_multiaccount_ca.cli.root':\n"
        "            try: signal.raise_signal(signal.SIGTERM)\n"
        "            except KeyboardInterrupt: raise SyntaxError('cannot load a module') from None\n"
        "sys.meta_path.insert(0, Compiling()); main()"
    )
    ran = subprocess.run([sys.executable, "-c", interrupted], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", "iot-ca: interrupted\n")


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupt_that_python_loses_comes_again(number: str) -> None:
    """Out of a callback, as of a weak reference, it lets none: what was to end would go on, and show a traceback."""
    lost = (
        "import signal, threading, weakref; from iot_multiaccount_ca.cli import main, root\n"
        "def run(_):\n"
        "    held = {1}\n"
        f"    told = weakref.ref(held, lambda _: signal.raise_signal(signal.{number}))\n"
        "    del held\n"
        "    threading.Event().wait(60)\n"
        "root.run = run; main()"
    )
    ran = subprocess.run([sys.executable, "-c", lost], capture_output=True, text=True, timeout=30)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", "iot-ca: interrupted\n")


def test_a_caller_of_the_command_line_has_its_own_hooks_back() -> None:
    """Python's for what is lost, and the alarm's, as they were."""
    before = (sys.unraisablehook, signal.getsignal(signal.SIGALRM))
    with pytest.raises(SystemExit):
        main(["--help"])
    assert (sys.unraisablehook, signal.getsignal(signal.SIGALRM)) == before


@pytest.mark.parametrize("closed_ones", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_change_no_exit_code(closed_ones: str, tmp_path: Path) -> None:
    """A script that wants the exit code alone; and no file that is opened stands in for one."""
    folder = str(write_assembly(tmp_path / "app", three_stages()))
    for arguments, code in (
        (["plan", "--app", folder], 0),
        (["--help"], 0),
        (["plan", "--app", "/nowhere"], 2),
    ):
        shell = ["sh", "-c", f'exec "$@" {closed_ones}', "sh", *PROGRAM, *arguments]
        ran = subprocess.run(shell, capture_output=True, text=True, cwd=tmp_path)
        assert ran.returncode == code, ran.stderr
        assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8:strict"])
def test_a_stream_that_lacks_a_character_is_no_failure(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets a question mark for it, whichever way a command speaks: in lines, in tables, in help."""
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    folder = str(write_assembly(tmp_path / "app", [record(subject="CN=\u5de5\u5834")]))
    for arguments in (
        ["init", "\u5de5\u5834"],
        ["plan", "--app", folder],
        ["plan", "--app", folder, "--markdown"],
        ["init", "--help"],
    ):
        ran = subprocess.run([*PROGRAM, *arguments], capture_output=True, cwd=tmp_path)
        assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_terminal_of_another_encoding_has_signs_of_life_that_it_can_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither question marks nor escapes go round."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    folder = write_assembly(tmp_path / "app", [record()])
    shown = in_terminal("plan", "--app", f"cp -r {folder}/. $CDK_OUTDIR").plain
    assert "- synthesizing the app" in shown
    assert shown.isascii()
    assert "?" not in shown
    assert "\\u" not in shown


def test_completion_for_a_shell_that_nobody_knows_is_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 is a command's own answer."""
    monkeypatch.setenv("_IOT_CA_COMPLETE", "nonsense_source")
    assert in_pipe().code == 2
    monkeypatch.setenv("_IOT_CA_COMPLETE", "bash_source")
    assert in_pipe().code == 0


def numbers() -> list[tuple[str, click.Option]]:
    """Every option of every command that takes a number."""
    context = click.Context(cli)
    return [
        (name, option)
        for name in cli.list_commands(context)
        if (command := cli.get_command(context, name)) is not None
        for option in command.params
        if isinstance(option, click.Option)
        and isinstance(option.type, (click.types.IntParamType, click.types.FloatParamType))
    ]


def test_every_number_has_a_range_and_nothing_else_is_in_it() -> None:
    """Neither what is no number, nor one that no machine holds, of each option of each command."""
    found, context = numbers(), click.Context(cli)
    assert len(found) > 8
    strange = [
        "nan",
        "-nan",
        "inf",
        "-inf",
        "1e400",
        "-1",
        "9" * 30,
        "",
        " ",
        "x",
        "0x10",
        "1,000",
        "\u0661\u0662x",
    ]
    for name, option in found:
        assert isinstance(option.type, (click.IntRange, click.FloatRange)), (name, option.name)
        assert option.type.min is not None, (name, option.name)
        assert option.type.max is not None, (name, option.name)
        for value in strange:
            with pytest.raises(click.BadParameter):
                option.type_cast_value(context, value)


@pytest.mark.parametrize(
    "settings",
    [
        {"AWS_ENDPOINT_URL": "junk"},
        {"AWS_CONFIG_FILE": "[default]\ncredential_process = echo '{'\n"},
        {"AWS_CONFIG_FILE": "[default]\ncredential_process = echo '[]'\n"},
        {"AWS_CONFIG_FILE": "[default]\ncredential_process = echo '{\"Version\": 1}'\n"},
        {"AWS_CONFIG_FILE": "[default]\ncredential_process = /nowhere/at/all\n"},
        {"AWS_CONFIG_FILE": "[default"},
        {"AWS_CONFIG_FILE": "\x00\xff"},
        {"AWS_PROFILE": "none\x1b[31m"},
        {"AWS_ROLE_ARN": "x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere"},
    ],
    ids=repr,
)
def test_settings_of_aws_that_cannot_be_are_one_sentence(
    settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose fault it is, and no bug of the tool; the same for all accounts, and so told once."""
    folder = str(write_assembly(tmp_path / "app", three_stages()))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    if "AWS_CONFIG_FILE" not in settings and "AWS_ROLE_ARN" not in settings:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111111111111")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name, value in settings.items():
        if name == "AWS_CONFIG_FILE":
            (tmp_path / "config").write_text(value, encoding="latin-1")
        monkeypatch.setenv(name, str(tmp_path / "config") if name == "AWS_CONFIG_FILE" else value)
    monkeypatch.setenv("HOME", str(tmp_path))
    ran = in_pipe("verify", "--app", folder)
    assert ran.code == 2
    assert ran.stdout.count("fix: ") + ran.stderr.count("fix: ") == 1
    assert "bug" not in ran.stderr
    assert "the check itself failed" not in ran.stdout
    assert all(each.isprintable() or each == "\n" for each in ran.stdout + ran.stderr)
