"""The two sides of the request properties: what the constructs write is what the Lambda reads, word for word."""

from __future__ import annotations

from typing import Any

import attrs

from ca_registrar.properties import read_former, read_wanted
from iot_multiaccount_ca.model.options import OnExisting
from iot_multiaccount_ca.model.registration import RegistrationRequest
from support.scenes import THEIR_ROLE, default, properties

#: CloudFormation's own; and what is in the certificate too, and stands there for people and other tools.
_NOT_FOR_THE_LAMBDA = {"ServiceToken", "ServiceTimeout", "CertificateId"}


class _Watched(dict[str, Any]):
    """Properties that remember which of them were asked for; in what stands in them, too."""

    def __init__(self, given: dict[str, Any], asked: set[str], at: str = "") -> None:
        super().__init__(given)
        self._asked, self._at = asked, at

    def get(self, key: str, default: Any = None) -> Any:
        self._asked.add(f"{self._at}{key}")
        value = super().get(key, default)
        return _Watched(value, self._asked, f"{key}.") if isinstance(value, dict) else value


#: What the constructs can be asked to write, all of it asked for; and what every registration has.
ASKED: dict[str, Any] = {
    **default(),
    "active": True,
    "auto_registration": True,
    "template_name": "fleet",
    "allow_mode_change": True,
    "on_existing": OnExisting.ADOPT,
    "adopt_from_stack": "Older",
    "adopt_template_role_arn": THEIR_ROLE,
}
#: Fields of a request that every registration has, or that reach CloudFormation in another way.
_APART = {"ca_certificate", "stage", "retiring", "engine", "removal_policy"}
#: What a scene calls what a request has under another name.
_CALLED = {"certificate_mode": "mode", "template": "template_name"}


def _all() -> dict[str, Any]:
    """Every property that the constructs can write."""
    return properties(**ASKED, tags={"team": "a"})


def test_everything_that_can_be_written_is_asked_for_here() -> None:
    """So that the rules below hold for a new property too, which may be written only where it is asked for."""
    fields = {field.name for field in attrs.fields(RegistrationRequest)} - _APART
    assert {_CALLED.get(name, name) for name in fields} == set(ASKED)


def test_every_property_that_is_written_is_read_and_the_reverse() -> None:
    """A name that stands on one side only is a spelling mistake, or a leftover."""
    asked: set[str] = set()
    read_wanted(_Watched(_all(), asked))
    written = _all()
    names = {*written, *(f"RegistrationConfig.{name}" for name in written["RegistrationConfig"])}
    assert names - asked == _NOT_FOR_THE_LAMBDA
    assert asked - names == set()


def test_what_is_written_is_what_is_read() -> None:
    """Every value arrives as it was meant, though CloudFormation makes text of it."""
    wanted = read_wanted(_all())
    assert (wanted.mode, wanted.status, wanted.auto_status) == ("DEFAULT", "ACTIVE", "ENABLE")
    assert wanted.template_name == "fleet"
    assert wanted.verification == default()["verification"]
    assert (wanted.allow_mode_change, wanted.adopt, wanted.adopt_from_stack) == (True, True, "Older")
    assert wanted.adopt_template_role_arn == THEIR_ROLE
    assert wanted.tags == {"team": "a"}
    plain = read_wanted(properties(active=False, auto_registration=False, template_name=None))
    assert (plain.status, plain.auto_status, plain.template_name) == ("INACTIVE", "DISABLE", None)
    assert (plain.allow_mode_change, plain.adopt, plain.verification) == (False, False, None)
    assert (plain.adopt_from_stack, plain.adopt_template_role_arn) == (None, None)


def test_former_properties_are_read_by_the_same_names() -> None:
    """Those of a roll-back are what the constructs once wrote."""
    asked: set[str] = set()
    former = read_former(_Watched(_all(), asked))
    assert asked <= _all().keys()
    assert (former.allow_mode_change, former.tags) == (True, {"team": "a"})
    assert former.pem == _all()["CaCertificatePem"]
