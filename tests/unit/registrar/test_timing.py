"""The waits of the Lambda fit into its time, one after the other."""

from __future__ import annotations

import responder
from ca_registrar import timing
from iot_multiaccount_ca.constructs.engines.custom_resource.settings import LAMBDA_TIMEOUT


def test_the_responder_waits_as_the_rest_does() -> None:
    """It has copies, since it has to answer where nothing else can be imported."""
    for name in ("RESERVE", "ANSWER_ATTEMPTS", "ANSWER_TIMEOUT", "ANSWER_PAUSES"):
        assert getattr(responder, name) == getattr(timing, name), name


def test_all_attempts_to_answer_fit_into_the_reserve() -> None:
    """An answer that is not sent holds the stack until ServiceTimeout."""
    pause, longest = timing.ANSWER_PAUSES
    pauses = sum(min(pause * 2**attempt, longest) for attempt in range(timing.ANSWER_ATTEMPTS - 1))
    assert timing.ANSWER_ATTEMPTS * timing.ANSWER_TIMEOUT + pauses <= timing.RESERVE


def test_every_wait_together_fits_into_the_lambdas_time() -> None:
    """A fresh role, a change of mode whose taking is waited for in vain, its undoing, and the answer."""
    waits = timing.PROPAGATION + timing.ROOM_TO_RESTORE + timing.RESERVE
    one_slow_call = timing.CONNECT_TIMEOUT + timing.READ_TIMEOUT
    assert waits + 4 * one_slow_call <= LAMBDA_TIMEOUT


def test_undoing_a_change_of_mode_has_time_after_the_last_attempt() -> None:
    """The new registration is tried for a minute; then the old one is made again, by a call that may be slow."""
    one_slow_call = timing.CONNECT_TIMEOUT + timing.READ_TIMEOUT
    assert timing.HAND_OVER + timing.HAND_OVER_PAUSE + one_slow_call <= timing.ROOM_TO_RESTORE
