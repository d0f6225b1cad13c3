"""What a release has to be: ``check v1.2.3`` finds what does not agree, ``notes v1.2.3`` prints what changed."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: What people look for beside a package; the index shows them.
ADDRESSES = ("Changelog", "Documentation", "Issues", "Source")


def problems(root: Path, tag: str) -> list[str]:
    """What of the tree keeps it from being released as ``tag``; a sentence each."""
    version = _version(root)
    sections = _sections(root)
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, and _version.py says {version}")
    if version not in sections:
        found.append(f"CHANGELOG.md has no section '## {version} (year-month-day)'")
    if sections.get("Unreleased", "").strip():
        found.append(
            "CHANGELOG.md has lines under Unreleased that belong to this release, or to a later commit"
        )
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    missing = [name for name in ADDRESSES if not project.get("urls", {}).get(name, "").startswith("https://")]
    if missing:
        found.append(f"pyproject.toml has no address under [project.urls] for {', '.join(missing)}")
    return found


def notes(root: Path, tag: str) -> str:
    """What the changelog says of this release."""
    return _sections(root)[tag.removeprefix("v")].strip() + "\n"


def _version(root: Path) -> str:
    [found] = re.findall(
        r'__version__ = "(.+)"', (root / "src/iot_multiaccount_ca/_version.py").read_text(encoding="utf-8")
    )
    return str(found)


def _sections(root: Path) -> dict[str, str]:
    """The changelog's sections by version; a released one has its day beside it."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = re.compile(r"^## (?:(Unreleased)|(\d+\.\d+\.\d+\S*) \(\d{4}-\d\d-\d\d\))$", re.MULTILINE)
    starts = list(heading.finditer(text))
    ends = [each.start() for each in starts[1:]] + [len(text)]
    return {each[1] or each[2]: text[each.end() : end] for each, end in zip(starts, ends, strict=True)}


def main() -> None:
    """Run one of the two; exit code 1 where something does not agree."""
    match sys.argv[1:]:
        case ["check", tag]:
            found = problems(ROOT, tag)
            print("\n".join(found) or f"{tag} can be released")
            sys.exit(bool(found))
        case ["notes", tag] if tag.removeprefix("v") in _sections(ROOT):
            print(notes(ROOT, tag), end="")
        case ["notes", tag]:
            sys.exit(f"CHANGELOG.md has no section of {tag}")
        case _:
            sys.exit("usage: release.py check|notes v1.2.3")


if __name__ == "__main__":
    main()
