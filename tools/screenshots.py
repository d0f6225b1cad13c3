"""Makes the pictures of docs/fleet.md: the commands in a real pseudo-terminal, the report in headless Chromium.

`python tools/screenshots.py`; needs chromium for the report. The fleets are made up, and so is the AWS that is asked.
With a folder's name: the report alone, into that folder, at each width and in each dress, to be looked at.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from rich.console import Console  # noqa: E402
from rich.text import Text  # noqa: E402

from iot_multiaccount_ca.model.bootstrap import DEFAULT_QUALIFIER, lookup_role_name  # noqa: E402
from support import fleets  # noqa: E402 - from the tests' folder
from support.browser import paint  # noqa: E402
from support.fakes.fleet_aws import FakeAws, World  # noqa: E402
from support.hard_fleet import hard_fleet  # noqa: E402
from support.terminal import in_terminal  # noqa: E402

if TYPE_CHECKING:
    from iot_multiaccount_ca.model.assembly import RegistrationRecord

IMAGES = ROOT / "docs" / "images"
REGIONS = (
    "eu-west-1",
    "eu-central-1",
    "us-east-1",
    "us-west-2",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
)


def main() -> None:
    """Write every picture."""
    looked_at = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    (looked_at or IMAGES).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ.update(
            AWS_ACCESS_KEY_ID=fleets.OWN_ACCOUNT,
            AWS_SECRET_ACCESS_KEY="test",
            AWS_CONFIG_FILE=str(folder / "none"),
        )
        small, world = rotating_fleet()
        large = fleets.many_stages(300, REGIONS)
        large_world = fleets.deployed(large)
        drift(large_world, large)
        if looked_at is not None:
            huge = fleets.many_stages(3000, REGIONS)
            huge_world = fleets.deployed(huge)
            drift(huge_world, huge)
            hard, hard_world = hard_fleet(folder / "hard")
            for name, assembly, held in (
                ("report-3", fleets.write_assembly(folder / "small", small), world),
                ("report-300", fleets.write_assembly(folder / "large", large), large_world),
                ("report-3000", fleets.write_assembly(folder / "huge", huge), huge_world),
                ("report-hard", hard, hard_world),
            ):
                with FakeAws(held) as url:
                    os.environ["AWS_ENDPOINT_URL"] = url
                    every_dress(folder, report(name, folder, str(assembly)), looked_at)
            return
        with FakeAws(world) as url:
            os.environ["AWS_ENDPOINT_URL"] = url
            app = str(fleets.write_assembly(folder / "small", small))
            html = report("report-3", folder, app)
            terminal("plan", ["plan", "--app", app], 118)
            terminal("verify", ["verify", "--app", app, "--differences"], 118)
            paint(folder, html, IMAGES / "report-3.png", width=1280, height=1180)
            paint(folder, html, IMAGES / "report-phone.png", width=390, height=900)
        with FakeAws(large_world) as url:
            os.environ["AWS_ENDPOINT_URL"] = url
            app = str(fleets.write_assembly(folder / "large", large))
            terminal("matrix", ["plan", "--app", app], 100, lines=26)
            paint(
                folder, report("report-300", folder, app), IMAGES / "report-300.png", width=1280, height=1500
            )


def rotating_fleet() -> tuple[list[RegistrationRecord], World]:
    """Three stages in the middle of a rotation, with something amiss in staging."""
    records = []
    world = World()
    for each in fleets.three_stages():
        where: dict[str, Any] = {
            "stage": each.stage,
            "account": each.account,
            "certificate_mode": each.certificate_mode,
        }
        current = fleets.record(
            **where,
            subject="CN=Fleet CA 2025,O=Example Devices",
            not_valid_before="2025-06-01T00:00:00Z",
            not_valid_after="2036-01-01T00:00:00Z",
        )
        old = fleets.record(
            **where,
            certificate_id=fleets.certificate_id(1),
            logical_id="CaOld",
            retiring=True,
            subject="CN=Fleet CA 2016,O=Example Devices",
            not_valid_before="2016-01-01T00:00:00Z",
            not_valid_after=fleets.soon(52),
        )
        fleets.add_registration(world, current)
        fleets.add_registration(world, old, number=1)
        records += [current, old]
    fleets.live(world, records[2])["certificateDescription"]["status"] = "INACTIVE"
    return records, world


def drift(world: World, records: list[RegistrationRecord]) -> None:
    """Something amiss here and there."""
    for number, record in enumerate(records):
        if number % 40 == 1:
            fleets.live(world, record)["certificateDescription"]["status"] = "INACTIVE"
        if number % 40 == 11:
            del world.templates[f"{record.account}/{record.region}/{record.template_name}"]
        if number % 60 == 25:
            role = lookup_role_name(DEFAULT_QUALIFIER, record.account, record.region)
            world.roles.discard(record.target.arn("iam", f"role/{role}"))


def terminal(name: str, arguments: list[str], columns: int, lines: int = 10_000) -> None:
    """What the command prints, as an SVG that loads nothing."""
    ran = in_terminal(*arguments, columns=columns)
    # The progress bar draws and wipes its line; what stands in the end comes after the last wipe.
    shown = re.split(r"\x1b\[2K|\x1b\[\?25h", ran.stdout)[-1].strip("\n").split("\n")
    text = "\n".join([*shown[:lines], *(["…"] if len(shown) > lines else [])])
    text = text.replace(arguments[2], "cdk.out")
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(text))
    words = " ".join(word for word in arguments if word not in {"--app", arguments[2]})
    svg = console.export_svg(title=f"iot-ca {words}", unique_id=name)
    (IMAGES / f"{name}.svg").write_text(
        re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL), encoding="utf-8"
    )


def report(name: str, folder: Path, app: str) -> Path:
    """The report of a fleet, as the command writes it."""
    html = folder / f"{name}.html"
    arguments = ["report", "--app", app, "--live", "--html", str(html)]
    arguments += ["--title", "Example Devices: fleet CA"]
    command = [sys.executable, "-c", "from iot_multiaccount_ca.cli import main; main()", *arguments]
    subprocess.run(command, check=True)
    return html


def every_dress(folder: Path, html: Path, target: Path) -> None:
    """The page on a phone, a tablet and a desk, light and dark, and as it is printed on A4 across."""
    for width in (390, 768, 1280):
        for colours in ("light", "dark"):
            picture = target / f"{html.stem}-{width}-{colours}.png"
            paint(folder, html, picture, width=width, height=3000, colours=colours)
    paint(folder, html, target / f"{html.stem}-print.png", width=1032, height=3000, printed=True)


if __name__ == "__main__":
    main()
