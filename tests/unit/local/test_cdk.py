"""Where the CDK CLI comes from, what of the user's settings reaches it, and what is told of its work and its end."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from iot_multiaccount_ca.local.cdk import Cdk, CdkError, find_cdk
from iot_multiaccount_ca.local.cdk_surroundings import KEPT_OUT
from iot_multiaccount_ca.local.emulator import LocalAws

# What the app or its assembly is made of, or what only shows something: heard from the user.
_THE_APPS = {
    *("asset-metadata", "ci", "color", "context", "debug", "debug-app", "debug-cli", "help", "ignore-errors"),
    *("json", "path-metadata", "quiet", "strict", "trace", "unstable", "validation", "verbose", "version"),
    *("version-reporting", "yes"),
}


def test_the_cli_beside_the_app_comes_first(tmp_path: Path) -> None:
    """An app's own CDK CLI, in its folder or one above, is the one that runs."""
    cli = tmp_path / "node_modules" / ".bin" / "cdk"
    cli.parent.mkdir(parents=True)
    cli.touch()
    app = tmp_path / "apps" / "mine"
    app.mkdir(parents=True)
    assert find_cdk(app) == str(cli)


def test_no_cli_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a CDK CLI the error says how to get one."""
    monkeypatch.setattr("iot_multiaccount_ca.local.cdk._CHECKOUT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CdkError, match="npm install aws-cdk"):
        find_cdk(tmp_path)


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Cdk, list[str]]:
    """A CLI that writes a banner and fails where there is a file `fail`; and what is told of its work."""
    cli = tmp_path / "node_modules/.bin/cdk"
    cli.parent.mkdir(parents=True)
    cli.write_text('#!/bin/sh\necho "!! This is a banner" >&2\necho "working on $1"\n[ ! -e fail ]\n')
    cli.chmod(0o755)
    monkeypatch.setattr(LocalAws, "environment", lambda *_: {"PATH": "/usr/bin:/bin"})
    lines: list[str] = []
    return Cdk(LocalAws.__new__(LocalAws), tmp_path, say=lines.append), lines


def test_an_apps_own_words_are_no_progress(said: tuple[Cdk, list[str]], tmp_path: Path) -> None:
    """While an app is synthesized nothing that it or jsii writes is told; of a deployment every line is."""
    cdk, lines = said
    cdk.synthesize(tmp_path / "out")
    assert lines == []
    cdk.run("deploy", account="111111111111")
    assert "working on deploy" in lines


def test_what_node_warns_of_is_no_progress(cli: tuple[Cdk, Path]) -> None:
    """As AWS's SDK, within the CLI, does of a Node that it will not support for long."""
    cdk, path = cli
    warning = "process.emitWarning('of an end of life', 'NodeVersionSupportWarning')"
    path.write_text(f'#!/bin/sh\nnode -e "{warning}"\necho done\n')
    assert cdk.run("deploy", account="111111111111") == "done"


def test_a_synthesis_that_fails_shows_the_apps_words(said: tuple[Cdk, list[str]], tmp_path: Path) -> None:
    """They say why."""
    cdk, _ = said
    (tmp_path / "fail").touch()
    with pytest.raises(CdkError, match="!! This is a banner"):
        cdk.synthesize(tmp_path / "out")


@pytest.fixture
def cli(tmp_path: Path) -> tuple[Cdk, Path]:
    """A CLI to be written into a file, of a local AWS that is not started."""
    path = tmp_path / "node_modules/.bin/cdk"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    aws = LocalAws()
    aws.folder = tmp_path
    return Cdk(aws, tmp_path), path


def _seen(cli: tuple[Cdk, Path]) -> tuple[dict[str, str], list[str]]:
    """The environment and the arguments that the CLI gets."""
    cdk, path = cli
    path.write_text('#!/bin/sh\nenv; echo "$@"\n')
    *environment, arguments = cdk.run("deploy", account="111111111111").splitlines()
    pairs = (line.partition("=") for line in environment if "=" in line)
    return {name: value for name, _, value in pairs}, arguments.split()


@pytest.mark.parametrize("users", ["false", "0", ""])
def test_the_cli_tells_nobody_of_its_use(
    cli: tuple[Cdk, Path], monkeypatch: pytest.MonkeyPatch, users: str
) -> None:
    """Telemetry and the look for a newer version are off, whatever the user's environment says."""
    monkeypatch.setenv("CDK_DISABLE_CLI_TELEMETRY", users)
    monkeypatch.setenv("CDK_DISABLE_VERSION_CHECK", "")
    environment, arguments = _seen(cli)
    assert environment["CDK_DISABLE_CLI_TELEMETRY"] == "true"
    assert environment["CDK_DISABLE_VERSION_CHECK"] == "true"
    assert "--no-notices" in arguments


def test_no_setting_of_the_users_leads_the_cli_astray(
    cli: tuple[Cdk, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a proxy, in whichever spelling, nor an option of the CLI in the environment or in `~/.cdk.json`."""
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    for name in (
        *proxies,
        "npm_config_https_proxy",
        "npm_config_proxy",
        "CDK_PROXY",
        "CDK_PROFILE",
        "CDK_WATCH",
    ):
        monkeypatch.setenv(name, "of the user")
    monkeypatch.setenv("NO_PROXY", "of the user")
    monkeypatch.setenv("CDK_MINE", "of the app")
    environment, arguments = _seen(cli)
    assert "of the user" not in environment.values()
    assert environment["CDK_MINE"] == "of the app"
    assert {"--profile=", "--proxy=", "--ca-bundle-path=", "--role-arn="} <= set(arguments)
    assert "localhost" in environment["no_proxy"].split(",")


def test_an_app_has_the_users_proxies_but_not_for_this_machine(
    cli: tuple[Cdk, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What it fetches while it is synthesized may need one."""
    cdk, path = cli
    path.write_text("#!/bin/sh\nenv > env\n")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intranet.example")
    cdk.synthesize(tmp_path / "out")
    lines = (tmp_path / "env").read_text().splitlines()
    assert "HTTPS_PROXY=http://proxy.example:3128" in lines
    assert "NO_PROXY=intranet.example,localhost,127.0.0.1,.localhost" in lines


@pytest.mark.slow
def test_each_option_of_the_cli_is_decided_on() -> None:
    """Whether the user's setting of it is heard; an option that a new CLI brings is a decision to be made."""
    cdk = find_cdk(Path(__file__))
    said = [
        subprocess.run([cdk, command, "--help"], capture_output=True, text=True, check=True).stdout
        for command in ("synth", "bootstrap", "deploy", "destroy")
    ]
    options = set(re.findall(r"^\s+(?:-\w, )?--([a-z0-9-]+)", "\n".join(said), re.MULTILINE))
    known = {*KEPT_OUT, *_THE_APPS}
    # `--no-x` is x; long names are cut in two by the help's columns.
    unknown = [
        each for each in options if not any(option.startswith(each.removeprefix("no-")) for option in known)
    ]
    assert unknown == []


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("#!/bin/sh\necho begun; kill -KILL $$", "cdk deploy was ended by SIGKILL; fix: give it more memory"),
        ("#!/bin/sh\nexit 137", "cdk deploy was ended by SIGKILL; fix: give it more memory"),
        ("#!/bin/sh\necho FATAL; kill -ABRT $$", "cdk deploy was ended by SIGABRT; fix: give it more memory"),
        ("#!/bin/sh\nkill -TERM $$", "cdk deploy was ended by SIGTERM"),
        ("#!/bin/sh\nexec no-such-node", "cdk deploy cannot be run; fix: install Node.js and the CDK CLI"),
        ("#!/no/such/node", "cdk deploy cannot be run; fix: install Node.js and the CDK CLI"),
        ("#!/bin/sh\necho broken; exit 7", "cdk deploy failed with exit code 7:\nbroken"),
        ("#!/bin/sh\nexit 250", "cdk deploy failed with exit code 250"),
    ],
)
def test_however_the_cli_ends_it_is_a_sentence(cli: tuple[Cdk, Path], script: str, says: str) -> None:
    """Killed, out of memory, without Node: the cause and the fix, and no traceback."""
    cdk, path = cli
    path.write_text(script)
    with pytest.raises(CdkError) as raised:
        cdk.run("deploy", account="111111111111")
    assert str(raised.value).startswith(says)
    assert "Traceback" not in str(raised.value)
