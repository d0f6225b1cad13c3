"""The rules of a CA's tags, asked at synth: tags come from wherever the app says `Tags.of`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsii
from constructs import IValidation

from ..model.tags import tag_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import TagManager

    from ..model.tags import TagLimits


@jsii.implements(IValidation)
class TagRules:
    """A validation of the user's tags. ``own``: those that are ours, and not looked at."""

    def __init__(self, tags: TagManager, own: Mapping[str, str], limits: TagLimits) -> None:
        self._tags, self._own, self._limits = tags, own, limits

    def validate(self) -> list[str]:
        """What the CDK reports of the construct, and ends the synth with."""
        users = {key: each for key, each in self._tags.tag_values().items() if self._own.get(key) != each}
        return list(tag_problems(users, self._limits))
