"""Rules of what the documents say of the code, and the code of the documents."""

from __future__ import annotations

import filecmp
import json
import re
from pathlib import Path

import botocore.session
import pytest
from aws_cdk import App, CfnOutput

from iot_multiaccount_ca import Admission, JitrEnrollment, SharedCa
from iot_multiaccount_ca.model.ca.algorithms import KEY_ALGORITHMS
from iot_multiaccount_ca.model.possession.verification import WAYS
from support import plans
from support.documents import blocks

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


def test_messages_and_pages_say_is_not_a() -> None:
    """A native reader stumbles on "this is no ARN"; "there is no ARN" is fine, and so are idioms."""
    stumbling = re.compile(
        r"(?<![Tt]here )\b(?:is|are|was|were) no (?!longer|more|choice|place|secret|such)\w+"
    )
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for room, kind in (("src", "*.py"), ("lambda", "*.py"), ("docs", "*.md"))
        for file in sorted((ROOT / room).rglob(kind))
        for match in stumbling.finditer(file.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_pages_report_what_they_do_not_tell_and_count_per_thing() -> None:
    """Two more that a native reader stumbles on: "a fault is told as that", and "a row a stage"."""
    stumbling = re.compile(
        r"\b(?:is|are|was|were) told(?: as| once| at once| by|[.;,])|\b(?:a|one) (?:row|line|document|card) an? \w+"
        r"|\bonce a stage|look-up role"
    )
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
        for match in stumbling.finditer(file.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("kind", WAYS)
def test_every_way_of_proof_is_in_the_pages(kind: str) -> None:
    """How to choose it, what its role may do, and what the JSON calls it."""
    factory = f"from_{kind.lower()}"
    pages = {
        "possession.md": f"Verification.{factory}(",
        "security.md": f"`{factory}`",
        "json.md": f"`{kind}`",
    }
    missing = [page for page, word in pages.items() if word not in (ROOT / "docs" / page).read_text("utf-8")]
    assert missing == []


@pytest.mark.parametrize("page", ["possession.md", "simulate.md"])
def test_every_kind_of_key_is_in_the_pages(page: str) -> None:
    """By the names that messages have for them."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert [each.title for each in KEY_ALGORITHMS if each.title not in text] == []


def test_the_outputs_that_the_readme_names_are_those_of_the_stacks() -> None:
    """`CaCertificateId` in step 5 is what CloudFormation shows."""
    [named] = re.findall(r"\(`(\w+)` is an output", (ROOT / "README.md").read_text(encoding="utf-8"))
    stack = SharedCa(App(), "FleetCa", plan=plans.sni_only_plan()).stacks["dev"]
    assert isinstance(stack.node.find_child(named), CfnOutput)


def test_every_gap_of_the_local_aws_is_in_its_table() -> None:
    """Each module that closes one, and the test of each; by their names, since numbers drift."""
    page = (ROOT / "docs/local-aws.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .*? \| ((?:`[\w/]+\.py`(?:, )?)+) \| `(test_\w+\.py)` \|$", page, re.MULTILINE)
    listed = {module for modules, _ in rows for module in re.findall(r"[\w/]+\.py", modules)}
    gaps = {module.name for module in GAPS.glob("*.py")}
    stack_sets = {f"stack_sets/{module.name}" for module in (GAPS.parent / "stack_sets").glob("*.py")}
    assert listed == (gaps | stack_sets) - {"__init__.py", "stack_sets/__init__.py"}
    for _, test in rows:
        assert (ROOT / "tests/unit/local" / test).is_file(), test
    named = [
        file.name
        for room in (GAPS, ROOT / "tests")
        for file in room.rglob("*.py")
        if re.search(r"\b[Gg]ap \d", file.read_text(encoding="utf-8"))
    ]
    assert named == []


@pytest.mark.parametrize("example", [".", "jitr", "pipeline", "stack_set"])
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


def test_every_page_is_linked_from_the_index() -> None:
    """A page that nothing leads to is read by nobody."""
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w-]+\.md)", index))
    assert linked == {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}


def test_decisions_are_numbered_dated_and_listed() -> None:
    """From 1 on, none twice, none left out; the index has each by its title and date."""
    folder = ROOT / "docs/adr"
    rows = []
    for number, page in enumerate(sorted(folder.glob("[0-9]*.md")), 1):
        text = page.read_text(encoding="utf-8")
        title, date = (
            re.match(rf"# {number}\. (.+)", text),
            re.search(r"^Date: ([\d-]{10})\. Status: \w+", text, re.MULTILINE),
        )
        assert page.name.startswith(f"{number:04d}-"), f"{page.name}: the next free number is {number:04d}"
        assert title is not None, page.name
        assert date is not None, page.name
        rows.append(f"| [{number:04d}: {title[1]}]({page.name}) | {date[1]} |")
    listed = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in listed if line.startswith("| [")] == rows


def test_the_deployers_policy_covers_every_type_of_resource() -> None:
    """Each type in the examples' templates can be made; each action is an operation that there is."""
    [policy] = [each.text for each in blocks(ROOT / "docs/operations.md") if each.language == "json"]
    actions = {action for each in json.loads(policy)["Statement"] for action in each["Action"]}
    app = App()
    SharedCa(app, "FleetCa", plan=plans.plan())
    jitr = SharedCa(
        app, "Jitr", plan=plans.sni_only_plan(ca_certificate=plans.ca("Other CA"), provisioning=_JITR)
    )
    assembly = app.synth()
    types = {
        resource["Type"]
        for stack in [*assembly.stacks_recursively]
        for resource in json.loads(Path(stack.template_full_path).read_text())["Resources"].values()
    }
    assert jitr.stacks
    for kind in types - {"Custom::IotCaCertificate"}:
        _, service, name = kind.split("::")
        made = _MADE_BY.get(kind, f"{service.lower()}:Create{name}")
        assert {made, *_ASKED_BY_HANDLERS.get(kind, ())} <= actions, kind
    session = botocore.session.get_session()
    for action in actions - {"iam:PassRole", "lambda:InvokeFunction"}:
        service, name = action.split(":")
        assert name in session.get_service_model(service).operation_names, action


#: Where the call that makes a resource is not named after it.
_MADE_BY = {
    "AWS::Lambda::EventInvokeConfig": "lambda:PutFunctionEventInvokeConfig",
    "AWS::Lambda::Permission": "lambda:AddPermission",
    "AWS::SQS::QueuePolicy": "sqs:SetQueueAttributes",
}
#: What CloudFormation's schemas name beyond that for reading and updating them, whether a template uses it or not.
_ASKED_BY_HANDLERS = {
    "AWS::IoT::Policy": {"iot:GetPolicy", "iot:ListPolicyVersions", "iot:SetDefaultPolicyVersion"},
    "AWS::IoT::ProvisioningTemplate": {"iam:GetRole", "iam:PassRole", "iot:ListProvisioningTemplateVersions"},
    "AWS::Lambda::Function": {"lambda:GetFunctionCodeSigningConfig", "lambda:GetRuntimeManagementConfig"},
    "AWS::Lambda::Permission": {"lambda:GetPolicy", "lambda:RemovePermission"},
    "AWS::Logs::LogGroup": {"logs:DescribeIndexPolicies", "logs:GetDataProtectionPolicy"},
    "AWS::SQS::Queue": {"sqs:GetQueueUrl", "sqs:ListQueueTags"},
}
_JITR = JitrEnrollment(
    policy={
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/*"}],
    },
    admission=Admission(parameter_name="/fleet/admitted"),
)


def _paths(page: str, *roots: str) -> list[str]:
    """Files and folders that a page names in backticks and that are in none of the roots; what is new is ``<…>``."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`([\w./-]+(?:\.py|\.json|/))`(?! \(new\))", text)
    return [each for each in named if not any((ROOT / root / each).exists() for root in roots)]


def test_the_recipes_name_files_that_are_there() -> None:
    """A recipe that sends people to a file that was moved is worse than none; short names are the row's own folder."""
    missing = _paths(
        "docs/changing.md",
        ".",
        "src/iot_multiaccount_ca",
        "src/iot_multiaccount_ca/model/plan",
        "src/iot_multiaccount_ca/cli/commands",
        "src/iot_multiaccount_ca/constructs/engines/custom_resource",
        "lambda/registrar/ca_registrar",
        "lambda/registrar/ca_registrar/possession",
    )
    assert missing == []


def test_the_house_has_all_its_rooms() -> None:
    """Every folder and top-level module of the product, and the first level beside it, is in CONTRIBUTING's table."""
    table = (
        (ROOT / "CONTRIBUTING.md")
        .read_text(encoding="utf-8")
        .partition("## The house")[2]
        .partition("\n\nImports")[0]
    )
    package = ROOT / "src/iot_multiaccount_ca"
    rooms = [room for room in package.iterdir() if (room / "__init__.py").is_file()]
    rooms += [
        ROOT / "lambda/registrar",
        ROOT / "lambda/jitr",
        ROOT / "tools",
        ROOT / "examples",
        ROOT / "docs",
    ]
    rooms += [room for room in (ROOT / "tests").iterdir() if room.is_dir() and room.name[0] not in "_."]
    assert [room.name for room in rooms if f"`{room.relative_to(ROOT).as_posix()}/`" not in table] == []
    rooms = [room.parent for room in package.glob("*/**/__init__.py") if room.parent.parent != package]
    assert [room.name for room in rooms if f"`{room.name}/`" not in table] == []
    modules = {module.name for module in package.glob("*.py")} - {"__init__.py", "_version.py"}
    assert [module for module in sorted(modules) if f"{module}`" not in table] == []
    named = re.findall(r"^\| `([\w/.]+)`", table, re.MULTILINE)
    assert [each for each in named if not (ROOT / each).exists()] == []
