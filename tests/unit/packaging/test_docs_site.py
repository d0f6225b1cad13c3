"""Rules of the documentation site. Slow, so in ``make test-all`` alone, which installs what builds it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

import iot_multiaccount_ca
from support.documents import PAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


class Links(HTMLParser):
    """What a page loads, links to, and can be linked to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids.add(found.get("id", ""))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in {"script", "img", "iframe"} and "src" in found:
            self.loads.append(found["src"])
        if tag == "link" and found.get("rel") in {"stylesheet", "icon", "preload"}:
            self.loads.append(found["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it, where no proxy leads out."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {**os.environ, **nowhere, "PYTHON": sys.executable}
    built = subprocess.run([ROOT / "tools/docs", folder], env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_in_the_site_and_every_link_in_it_leads_somewhere(site: Path) -> None:
    """Pages and the places in them, once more as a browser would follow them."""
    pages = {page.resolve(): Links(page.read_text(encoding="utf-8")) for page in site.rglob("*.html")}
    for page in PAGES:
        assert site / page.relative_to(ROOT).with_suffix(".html") in pages
    lost = []
    for page, found in pages.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme or link == "#":
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            inside = target in pages and (not parts.fragment or unquote(parts.fragment) in pages[target].ids)
            if not inside and not (target.is_file() and target not in pages):
                lost.append(f"{page.relative_to(site)}: {link}")
    assert lost == []


def test_a_page_stands_among_those_of_its_readers(site: Path) -> None:
    """Where the index lists it as a whole, not where it links to a place in it."""
    before = (site / "index.html").read_text(encoding="utf-8").partition('href="docs/operations.html"')[0]
    assert re.findall(r'class="caption-text">([^<]+)', before)[-1] == "You run the platform"


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    """It can be read offline, and tells nobody who reads it."""
    for page in site.rglob("*.html"):
        loads = Links(page.read_text(encoding="utf-8")).loads
        assert [each for each in loads if re.match(r"(\w+:)?//", each)] == [], page


def test_the_reference_has_every_public_name(site: Path) -> None:
    """With what its docstring says of its arguments."""
    html = (site / "docs/reference.html").read_text(encoding="utf-8")
    names = {name for name in iot_multiaccount_ca.__all__ if not name.startswith("__")} - {"errors"}
    missing = {
        name for name in names if not re.search(rf'id="iot_multiaccount_ca\.(?:[\w.]+\.)?{name}"', html)
    }
    assert missing == set()
    assert "owner_account" in html
