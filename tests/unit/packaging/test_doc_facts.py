"""Rules of what the documents say of the code, and the code of the documents."""

from __future__ import annotations

import filecmp
import json
import re
from pathlib import Path

import pytest
from aws_cdk import App, CfnOutput

from iot_multiaccount_ca import SharedCa
from support import plans

ROOT = Path(__file__).parents[3]
GAPS = ROOT / "src/iot_multiaccount_ca/local/gaps"


def test_the_product_cites_no_file_that_its_wheel_does_not_have() -> None:
    """Messages and docstrings reach people who have the wheel and no docs/: they say it themselves, or name a page."""
    cited = [
        f"{file.relative_to(ROOT)}:{number}"
        for room in ("src", "lambda")
        for file in (ROOT / room).rglob("*.py")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\bdocs/|\b(README|SECURITY|CONTRIBUTING|CHANGELOG)\.md|\b\w+\.md\b", line)
        and "vendor" not in file.parts
    ]
    assert cited == []


def test_the_outputs_that_the_readme_names_are_those_of_the_stacks() -> None:
    """`CaCertificateId` in step 5 is what CloudFormation shows."""
    [named] = re.findall(r"\(`(\w+)` is an output", (ROOT / "README.md").read_text(encoding="utf-8"))
    stack = SharedCa(App(), "FleetCa", plan=plans.sni_only_plan()).stacks["dev"]
    assert isinstance(stack.node.find_child(named), CfnOutput)


def test_every_gap_of_the_local_aws_is_in_its_table() -> None:
    """Each module that closes one, and the test of each; by their names, since numbers drift."""
    page = (ROOT / "docs/local-aws.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .*? \| ((?:`\w+\.py`(?:, )?)+) \| `(test_\w+\.py)` \|$", page, re.MULTILINE)
    listed = {module for modules, _ in rows for module in re.findall(r"\w+\.py", modules)}
    assert listed == {module.name for module in GAPS.glob("*.py")} - {"__init__.py"}
    for _, test in rows:
        assert (ROOT / "tests/unit/local" / test).is_file(), test
    named = [
        file.name
        for room in (GAPS, ROOT / "tests")
        for file in room.rglob("*.py")
        if re.search(r"\b[Gg]ap \d", file.read_text(encoding="utf-8"))
    ]
    assert named == []


@pytest.mark.parametrize("example", [".", "jitr", "pipeline"])
def test_every_example_is_a_whole_folder(example: str) -> None:
    """A README, a cdk.json whose command runs beside it, and the files that the app reads; copies are the same."""
    home = ROOT / "examples" / example
    assert (home / "README.md").is_file()
    assert json.loads((home / "cdk.json").read_text(encoding="utf-8")) == {"app": "python app.py"}
    source = (home / "app.py").read_text(encoding="utf-8")
    for name in re.findall(r'HERE / "([\w.-]+)"', source):
        assert filecmp.cmp(home / name, ROOT / "examples" / name, shallow=False), name


def test_the_readme_lists_every_example() -> None:
    """A folder that nobody finds helps nobody."""
    listed = (ROOT / "examples/README.md").read_text(encoding="utf-8")
    for app in (ROOT / "examples").glob("*/app.py"):
        assert f"]({app.parent.name}/README.md)" in listed
