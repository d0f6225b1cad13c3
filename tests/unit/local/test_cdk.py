"""Where the CDK CLI comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.local.cdk import CdkError, find_cdk

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
