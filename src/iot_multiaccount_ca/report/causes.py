"""Why a stage is not as planned, in a handful of causes that people act on differently. One table; renders nothing."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from ..fleet.compare import NOT_DEPLOYED
from ..fleet.result import StageState

if TYPE_CHECKING:
    from ..fleet.difference import Difference
    from ..fleet.result import StageResult


class Cause(Enum):
    """A cause: its word in anchors, the sign in the matrix, its words; the gravest first."""

    ABSENT = ("absent", "–", "not deployed")  # noqa: RUF001 - a dash that is seen beside a letter
    GONE = ("gone", "×", "not registered")  # noqa: RUF001 - a cross, not a letter
    MODE = ("mode", "≠", "in another mode")
    OWNER = ("owner", "!", "held by another stack")
    EXPIRED = ("expired", "†", "of an expired CA")
    TEMPLATE = ("template", "~", "with another template, or none")
    ADMISSION = ("admission", "!", "admitting by other rules, or not at all")
    SETTING = ("setting", "!", "with other settings")
    UNCHECKED = ("unchecked", "?", "not checked")

    def __init__(self, key: str, sign: str, words: str) -> None:
        self.key, self.sign, self.words = key, sign, words


# Fields that are in no line are settings of the registration: its status, tags, and the like.
_OF_FIELD = {
    "registered": Cause.GONE,
    "certificateMode": Cause.MODE,
    "owner": Cause.OWNER,
    "notValidAfter": Cause.EXPIRED,
    "template": Cause.TEMPLATE,
    "templateName": Cause.TEMPLATE,
    "templateEnabled": Cause.TEMPLATE,
    "templateType": Cause.TEMPLATE,
    "templateRole": Cause.TEMPLATE,
    "templateBody": Cause.TEMPLATE,
    "activationRule": Cause.ADMISSION,
    "activationFunction": Cause.ADMISSION,
    "activationPermission": Cause.ADMISSION,
    "admission": Cause.ADMISSION,
    "admissionList": Cause.ADMISSION,
}


def cause_of(difference: Difference) -> Cause:
    """The cause that a difference is of."""
    if difference.field == "registered" and difference.live == NOT_DEPLOYED:
        return Cause.ABSENT
    return _OF_FIELD.get(difference.field, Cause.SETTING)


def gravest(result: StageResult) -> Cause | None:
    """The cause that stands for a stage; None where it is as planned."""
    if result.state is StageState.UNCHECKED:
        return Cause.UNCHECKED
    found = {cause_of(each) for each in result.differences}
    return next((cause for cause in Cause if cause in found), None)
