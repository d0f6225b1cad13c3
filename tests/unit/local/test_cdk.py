"""Where the CDK CLI comes from, and what is told of its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.local.cdk import Cdk, CdkError, find_cdk
from iot_multiaccount_ca.local.emulator import LocalAws

if TYPE_CHECKING:
    from pathlib import Path


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


def test_a_synthesis_that_fails_shows_the_apps_words(said: tuple[Cdk, list[str]], tmp_path: Path) -> None:
    """They say why."""
    cdk, _ = said
    (tmp_path / "fail").touch()
    with pytest.raises(CdkError, match="!! This is a banner"):
        cdk.synthesize(tmp_path / "out")
