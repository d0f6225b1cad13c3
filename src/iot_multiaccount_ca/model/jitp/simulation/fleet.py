"""Many dry runs beside each other: which devices would share a thing, which certificates are one. Runs none itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .values import Provisioning


def collisions(runs: Iterable[tuple[str, Provisioning]]) -> dict[str, tuple[str, ...]]:
    """Thing names that certificates of different ids would share, each with the labels of those certificates.

    The second device of a name gets no thing of its own: it joins the first's, with its shadow and its attributes, as
    the template's OverrideSettings say. Names are case-sensitive.
    """
    by_name: dict[str, dict[str, list[str]]] = {}
    for label, run in runs:
        if run.thing_name:
            by_name.setdefault(run.thing_name, {}).setdefault(run.certificate_id, []).append(label)
    return {
        name: tuple(label for labels in by_id.values() for label in labels)
        for name, by_id in by_name.items()
        if len(by_id) > 1
    }


def repeated(runs: Iterable[tuple[str, Provisioning]]) -> list[tuple[str, ...]]:
    """Labels of certificates that are one and the same certificate."""
    by_id: dict[str, list[str]] = {}
    for label, run in runs:
        by_id.setdefault(run.certificate_id, []).append(label)
    return [tuple(labels) for labels in by_id.values() if len(labels) > 1]
