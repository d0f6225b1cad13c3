"""Rules of the engines that carry registrations out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca import OnExisting, errors
from iot_multiaccount_ca.constructs.engines.custom_resource.engine import CustomResourceEngine
from iot_multiaccount_ca.constructs.engines.protocol import check_supported
from iot_multiaccount_ca.model.registration import Capability, RegistrationRequest
from support import plans

if TYPE_CHECKING:
    from iot_multiaccount_ca.constructs.engines.protocol import Engine


class Modest:
    """An engine that can do no more than register."""

    name = "a modest engine"
    capabilities: frozenset[Capability] = frozenset()
    emit: Any = None


def test_what_an_engine_cannot_do_is_refused_before_anything_is_made() -> None:
    """The message names the engine, and what was asked of it."""
    request = RegistrationRequest(ca_certificate=plans.ca(), on_existing=OnExisting.ADOPT)
    with pytest.raises(errors.UnsupportedByEngineError, match="a modest engine cannot do.*ADOPT"):
        check_supported(Modest(), request)
    check_supported(Modest(), RegistrationRequest(ca_certificate=plans.ca()))


def test_the_lambda_can_do_everything() -> None:
    """That is what it is for."""
    engine: Engine = CustomResourceEngine()
    assert engine.capabilities == frozenset(Capability)
