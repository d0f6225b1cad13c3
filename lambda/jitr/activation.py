"""The entry point: one event of a registered device certificate, one decision, one line in the log.

A refusal is a success. What fails is raised, so that Lambda tries again and then puts the event into the dead-letter
queue. Never logs a certificate.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from jitr_activation.enrolling import Event, enroll
from jitr_activation.runtime import Clients, now, sentence_of
from jitr_activation.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Of one execution environment: clients are made once.
_clients = Clients()


def handler(event: Mapping[str, Any], context: Any, clients: Any = None) -> dict[str, Any]:
    """Decide on the certificate that the event names, and carry the decision out; what was decided."""
    _, _, _, region, account, *_ = context.invoked_function_arn.split(":")
    facts: dict[str, Any] = {"account": account, "region": region}
    try:
        settings = read_settings(os.environ)
        facts["caCertificateId"] = settings.ca_certificate_id
        named = Event.read(event)
        facts["certificateId"] = named.certificate_id
        facts |= enroll(named, settings, clients or _clients, now())
    except Exception as error:
        _log({"decision": "failed", "reason": sentence_of(error), **facts})
        raise
    _log(facts)
    return facts


def _log(facts: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
