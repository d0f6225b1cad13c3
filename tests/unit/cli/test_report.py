"""``iot-ca report``: one page that stands alone, says what verify says, and holds whatever a name contains."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.model.bootstrap import DEFAULT_QUALIFIER, lookup_role_name
from iot_multiaccount_ca.report.timeline import overlaps
from support.browser import browse, measure
from support.documents import ROOT
from support.fakes.fleet_aws import FakeAws
from support.fleets import (
    Fleet,
    add_registration,
    certificate_id,
    deployed,
    live,
    many_stages,
    record,
    soon,
    write_assembly,
)
from support.hard_fleet import hard_fleet
from support.terminal import in_pipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Page(HTMLParser):
    """What a page holds: ids, links, tags, and its text by words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in {"meta", "br", "col"}:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.append(name)
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def write(fleet: Fleet, tmp_path: Path, *arguments: str) -> str:
    """The page that the command writes for a fleet."""
    target = tmp_path / "fleet.html"
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        ran = in_pipe("report", "--app", str(fleet.assembly()), "--html", str(target), *arguments)
    assert (ran.code, ran.stdout) == (0, ""), ran.stderr
    return target.read_text(encoding="utf-8")


def test_the_page_stands_alone(fleet: Fleet, tmp_path: Path) -> None:
    """No script, no frame, nothing from elsewhere; and a policy that tells browsers so."""
    html = write(fleet, tmp_path)
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not [name for name in page.attributes if name == "src" or name.startswith("on")]
    assert all(link.startswith("#") for link in page.links)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in unescape(html)


def test_every_link_leads_somewhere(fleet: Fleet, tmp_path: Path) -> None:
    """Ids are unique, elements are closed, and each mark of the matrix leads to its stage."""
    page = Page(write(fleet, tmp_path, "--live"))
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert {"stage-1", "stage-2", "stage-3"} <= {link.removeprefix("#") for link in page.links}


def test_without_live_aws_is_not_asked(fleet: Fleet, tmp_path: Path) -> None:
    """The page says that it is the plan alone."""
    assert "the plan alone" in Page(write(fleet, tmp_path)).text
    assert fleet.world.calls == []


def test_differences_stand_with_what_to_do(fleet: Fleet, tmp_path: Path) -> None:
    """In words, as verify says them; the mark has a sign, not a colour alone."""
    live(fleet.world, fleet.records[1])["certificateDescription"]["status"] = "INACTIVE"
    fleet.world.roles.discard(
        "arn:aws:iam::333333333333:role/cdk-hnb659fds-lookup-role-333333333333-eu-west-1"
    )
    text = Page(write(fleet, tmp_path, "--live")).text
    assert re.search(r"status\s+ACTIVE\s+INACTIVE\s+run\s+aws iot update-ca-certificate", text)
    assert "S!" in text
    assert "D?" in text
    assert "cannot be assumed" in text
    assert re.search(r"1\s+as planned\s+1\s+different\s+1\s+not checked", text)


def test_a_fleet_as_planned_says_so(fleet: Fleet, tmp_path: Path) -> None:
    """An empty table says less than a sentence."""
    assert "None: every stage is as planned." in Page(write(fleet, tmp_path, "--live")).text


def test_a_warning_of_many_stages_stands_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA that expires soon does so everywhere."""
    fleet = Fleet(
        tmp_path, monkeypatch, [record(f"s{n}", f"{n:012d}", not_valid_after=soon(20)) for n in range(12)]
    )
    text = Page(write(fleet, tmp_path, "--live")).text
    assert text.count("begin its rotation now") == 1
    assert "and 2 more" in text


def test_what_a_name_contains_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A subject is anybody's words."""
    fleet = Fleet(tmp_path, monkeypatch, [record(subject='CN=<script>alert("1")</script> & Sons')])
    html = write(fleet, tmp_path, "--title", "<b>Fleet</b>")
    assert "<script" not in html
    assert "<b>" not in html
    assert 'CN=<script>alert("1")</script> & Sons' in Page(html).text


def test_a_rotation_is_seen_on_the_timeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The overlap of the old and the new CA is drawn, and said in words."""
    old = record(
        certificate_id=certificate_id(1),
        logical_id="CaOld",
        retiring=True,
        not_valid_before="2016-01-01T00:00:00Z",
        not_valid_after="2097-06-01T00:00:00Z",
    )
    fleet = Fleet(tmp_path, monkeypatch, [record(), old])
    add_registration(fleet.world, old, number=1)
    html = write(fleet, tmp_path)
    assert html.count('class="overlap"') == 1
    assert "room for a rotation: 2026-01-01 to 2096-01-01" in Page(html).text
    assert f"Retiring: {certificate_id(1)[:8]}" in Page(html).text


def test_a_ca_that_has_expired_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing expires in less than no days; one that has less than a day left is as conspicuous as one with days."""
    ends = (soon(-5), soon(1), soon(9))
    fleet = Fleet(
        tmp_path,
        monkeypatch,
        [
            record(f"s{n}", f"{n:012d}", not_valid_after=end, certificate_id=certificate_id(n))
            for n, end in enumerate(ends)
        ],
    )
    html = write(fleet, tmp_path)
    assert '<li class="different"><strong>1</strong> CA expired</li>' in html
    assert '<li class="unchecked"><strong>0</strong> days until the next CA expires</li>' in html
    expired = [record(not_valid_after=soon(-5)), record("prod", "3" * 12, not_valid_after=soon(-5))]
    text = Page(write(Fleet(tmp_path / "b", monkeypatch, expired), tmp_path)).text
    assert re.search(r"1\s+CA expired", text)
    assert "until the next CA" not in text


def test_overlaps_are_where_two_or_more_last() -> None:
    """Merged where three overlap; touching ends are none."""

    def day(number: int) -> dt.datetime:
        return dt.datetime(2026, 1, number, tzinfo=dt.UTC)

    spans = [(day(1), day(10)), (day(8), day(20)), (day(9), day(12)), (day(20), day(30))]
    assert overlaps(spans) == [(day(8), day(12))]
    assert overlaps(spans[:1]) == []


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """Not a traceback."""
    ran = in_pipe(
        "report",
        "--app",
        str(write_assembly(tmp_path, [record()])),
        "--html",
        str(tmp_path / "no" / "x.html"),
    )
    assert ran.code == 2
    assert "Traceback" not in ran.stderr


def test_where_it_cannot_be_written_aws_is_not_asked(fleet: Fleet, tmp_path: Path) -> None:
    """A link, a folder that is not there: what a link leads to stays as it is, too."""
    kept, link = tmp_path / "kept", tmp_path / "link.html"
    kept.write_text("kept")
    link.symlink_to(kept)
    app = str(fleet.assembly())
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        for target in (link, tmp_path / "no" / "x.html"):
            ran = in_pipe("report", "--app", app, "--live", "--html", str(target))
            assert (ran.code, ran.stdout) == (2, ""), ran.stderr
    assert fleet.world.calls == []
    assert kept.read_text() == "kept"


def test_it_can_be_written_to_a_pipe(fleet: Fleet) -> None:
    """Where stdout leads, whatever that is."""
    ran = in_pipe("report", "--app", str(fleet.assembly()), "--html", "/dev/stdout")
    assert ran.code == 0, ran.stderr
    assert ran.stdout.startswith("<!doctype html>")


def test_what_is_wrong_comes_before_the_matrix(fleet: Fleet, tmp_path: Path) -> None:
    """Who opens the page wants to know that first; of the plan alone there is nothing to say."""
    headings = re.compile(r'<section id="(\w+)"')
    assert headings.findall(write(fleet, tmp_path, "--live")) == ["differences", "matrix", "cas", "stages"]
    assert headings.findall(write(fleet, tmp_path)) == ["matrix", "cas", "stages"]


def test_causes_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registrations: not deployed yet, gone, in another mode, of an expired CA, with another template, not checked."""
    fleet = Fleet(tmp_path, monkeypatch, many_stages(7, ["eu-west-1"]))
    fleet.world = deployed(fleet.records[:-1])
    gone, mode, expired, template, hidden, absent = fleet.records[1:]
    live(fleet.world, expired)["certificateDescription"]["validity"] = {"notBefore": 1, "notAfter": 2}
    role = lookup_role_name(DEFAULT_QUALIFIER, absent.account, absent.region)
    fleet.world.roles.add(absent.target.arn("iam", f"role/{role}"))
    del fleet.world.cas[f"{gone.account}/{gone.region}/{gone.certificate_id}"]
    live(fleet.world, mode)["certificateDescription"]["certificateMode"] = "DEFAULT"
    del fleet.world.templates[f"{template.account}/{template.region}/{template.template_name}"]
    fleet.world.roles = {each for each in fleet.world.roles if hidden.account not in each}
    page = Page(write(fleet, tmp_path, "--live"))
    for anchor, sign, words in (
        ("absent", "S–", "1 registration not deployed"),  # noqa: RUF001
        ("gone", "S×", "1 registration not registered"),  # noqa: RUF001
        ("mode", "S≠", "1 registration in another mode"),
        ("expired", "S†", "1 registration of an expired CA"),
        ("template", "S~", "1 registration with another template, or none"),
        ("unchecked", "S?", "1 registration not checked"),
    ):
        assert f"cause-{anchor}" in page.ids
        assert page.links.count(f"#cause-{anchor}") == 1
        assert sign in page.text
        assert words in page.text
    assert re.search(r"s1\s+not registered\s+FleetCa-s1", page.text)


def test_the_hyphens_of_an_option_stay_together(fleet: Fleet, tmp_path: Path) -> None:
    """A line that ends in -- is read, and typed, as something else."""
    live(fleet.world, fleet.records[1])["certificateDescription"]["status"] = "INACTIVE"
    html = write(fleet, tmp_path, "--live")
    assert '<span class="whole">--new</span>-status ACTIVE' in html


def test_one_cause_of_many_stages_is_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it would hide the causes below; none is left out, and one reason that all have stands once."""
    fleet = Fleet(tmp_path, monkeypatch, many_stages(40, ["eu-west-1"]))
    fleet.world = deployed(fleet.records)
    for each in fleet.records:
        live(fleet.world, each)["certificateDescription"]["status"] = "INACTIVE"
    html = write(fleet, tmp_path, "--live")
    assert "<summary>28 more</summary>" in html
    assert html.count("update-ca-certificate") == 40
    fleet.world.roles = set()
    assert "<summary>" not in write(fleet, tmp_path, "--live")


# --- in a browser -------------------------------------------------------------------------------------------------

_MEASURES = (ROOT / "tests/support/report_page.js").read_text(encoding="utf-8")
_PAPER = 1032  # A4 across, less its margins, in pixels of CSS


@pytest.fixture(scope="module", params=[3, 300, 3000, "hard"])
def drifted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The page of a fleet of this size, some of it amiss; and that of one with long names and a stack set."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "hard":
            fleet = Fleet(folder, patch, [])
            app, fleet.world = hard_fleet(folder / "cdk.out")
            with FakeAws(fleet.world) as url:
                fleet.ask(url)
                ran = in_pipe("report", "--app", str(app), "--live", "--html", str(folder / "fleet.html"))
            assert ran.code == 0, ran.stderr
            yield folder / "fleet.html"
            return
        fleet = Fleet(folder, patch, many_stages(request.param))
        fleet.world = deployed(fleet.records)
        for number, each in enumerate(fleet.records):
            if number % 9 == 1:
                live(fleet.world, each)["certificateDescription"]["status"] = "INACTIVE"
            if number % 60 == 2:
                del fleet.world.cas[f"{each.account}/{each.region}/{each.certificate_id}"]
        write(fleet, folder, "--live")
        yield folder / "fleet.html"


@pytest.mark.slow
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1280])
def test_it_fits_a_phone_a_tablet_and_a_desk(drifted: Path, width: int, colours: str, tmp_path: Path) -> None:
    """Nothing runs out of the window, stack and state are in sight, and every word can be read."""
    seen = measure(tmp_path, drifted, _MEASURES, width=width, height=900, colours=colours)
    assert seen["overflow"] <= 0
    assert seen["worst"][0] >= 4.5, seen["worst"]
    assert seen["stack"] <= 0
    assert seen["state"] <= 0
    assert seen["hidden"] == 0
    assert seen["wide"] == []


@pytest.mark.slow
def test_it_fits_paper(drifted: Path, tmp_path: Path) -> None:
    """Nothing is cut at the edge, what is folded on a screen is printed too."""
    seen = measure(tmp_path, drifted, _MEASURES, width=_PAPER, height=900, printed=True, colours="dark")
    assert seen["overflow"] <= 0
    assert seen["wide"] == []
    assert seen["folded"] == 0
    assert seen["worst"][0] >= 4.5, seen["worst"]


@pytest.mark.slow
def test_a_matrix_is_as_narrow_as_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a phone four regions stand side by side; paper, which nobody can scroll, takes more than AWS has."""
    fleet = Fleet(tmp_path, monkeypatch, many_stages(8, [f"ap-southeast-{number}" for number in range(1, 5)]))
    write(fleet, tmp_path)
    seen = measure(tmp_path, tmp_path / "fleet.html", _MEASURES, width=390, height=900)
    assert seen["matrix"] <= 0
    fleet = Fleet(
        tmp_path, monkeypatch, many_stages(80, [f"ap-southeast-{number}" for number in range(1, 41)])
    )
    write(fleet, tmp_path)
    seen = measure(tmp_path, tmp_path / "fleet.html", _MEASURES, width=_PAPER, height=900, printed=True)
    assert (seen["matrix"], seen["overflow"]) == (0, 0)


@pytest.mark.slow
def test_a_browser_takes_the_page_without_complaint(drifted: Path, tmp_path: Path) -> None:
    """Nothing on the console (a refused style or load would be), every stage in its tree, and a printed page."""
    seen = browse(tmp_path, "--dump-dom", drifted.as_uri())
    assert "CONSOLE" not in seen.stderr
    assert Page(seen.stdout).ids == Page(drifted.read_text(encoding="utf-8")).ids
    browse(tmp_path, f"--print-to-pdf={tmp_path / 'fleet.pdf'}", drifted.as_uri())
    assert (tmp_path / "fleet.pdf").read_bytes().startswith(b"%PDF-")
