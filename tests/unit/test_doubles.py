"""What Lambdas and package both write down, since they share no code, is the same on both sides (decision 4).

Beside what has a file of its own: ways of proof, algorithms, ownership, request properties, waits, and the decisions on
a device.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any, get_args, get_type_hints

import pytest
from cryptography import x509

import jitr_activation.admission
import jitr_activation.enrolling
import jitr_activation.expressions
import jitr_activation.runtime
import jitr_activation.settings
from ca_registrar import ownership, properties, registering
from iot_multiaccount_ca import (
    Admission,
    AdmissionSettings,
    CertificateMode,
    EnrollmentSettings,
    JitrEnrollment,
    ListedBy,
    OnExisting,
)
from iot_multiaccount_ca.constructs import activation_function
from iot_multiaccount_ca.model import tags
from iot_multiaccount_ca.model.checks import is_certificate_id
from iot_multiaccount_ca.model.jitp import thing_rules
from iot_multiaccount_ca.model.jitp.subject_fields import SUBJECT_FIELDS
from iot_multiaccount_ca.model.jitr import expressions, simulation
from iot_multiaccount_ca.model.jitr.settings import (
    CA_VARIABLE,
    ENROLLMENT_VARIABLE,
    FIELD,
    POLICY_VARIABLE,
    ListSettings,
    ThingSettings,
)
from jitr_activation.certificate import read_certificate
from support import scenes
from support.certificates import make_ca, make_device

CA_ID = "0f" * 32


def _read(settings: EnrollmentSettings) -> jitr_activation.settings.Settings:
    return jitr_activation.settings.read_settings(
        {CA_VARIABLE: CA_ID, ENROLLMENT_VARIABLE: json.dumps(settings), POLICY_VARIABLE: "devices"}
    )


@pytest.mark.parametrize("text", [CA_ID, CA_ID.upper(), CA_ID[1:], f"{CA_ID}\n", "g" * 64, "\u0660" * 64, ""])
def test_a_certificate_id_has_one_form(text: str) -> None:
    """An id that one side takes and the other refuses is registered, and never found again."""
    forms = {properties.CERTIFICATE_ID, jitr_activation.settings.CERTIFICATE_ID}
    assert {form.fullmatch(text) is not None for form in forms} == {is_certificate_id(text)}


@pytest.mark.parametrize(
    ("name", "words"), [("CertificateMode", CertificateMode), ("OnExisting", OnExisting)], ids=str
)
def test_the_registrar_takes_every_word_of_the_model_and_no_other(name: str, words: Any) -> None:
    """Each of them, by what it says that it allows."""
    with pytest.raises(properties.InvalidPropertiesError) as refused:
        properties.read_wanted({**scenes.properties(), name: "ANOTHER"})
    assert str(refused.value).endswith(f"; allowed: {', '.join(words)}")


def test_both_sides_count_tags_alike() -> None:
    """AWS IoT's 50 are the user's and the two that mark the owner; no tag of ours can be taken for the user's."""
    assert tags.MOST_TAGS + len(ownership.Owner("a", "b").tags) == registering.MOST_TAGS
    longest = ownership.Owner("x" * 1000, "b").tags[ownership.STACK_ID]
    assert list(tags.tag_problems({"key": longest})) == []
    assert len(list(tags.tag_problems({"key": f"{longest}x"}))) == 1
    for key in ownership.KEYS:
        assert "marks whose a registration is" in " ".join(tags.tag_problems({key: "x"}))


# --- just-in-time registration ---------------------------------------------------------------------------------


def test_the_activation_reads_every_field_of_the_model() -> None:
    """By its name and object identifier, and no other field."""
    values = {name: "DE" if name == "Country" else f"value of {name}" for name in SUBJECT_FIELDS}
    subject = x509.Name(
        [
            *(
                x509.NameAttribute(x509.ObjectIdentifier(SUBJECT_FIELDS[name].oid), value)
                for name, value in values.items()
            ),
            x509.NameAttribute(x509.NameOID.LOCALITY_NAME, "not read"),
        ]
    )
    device = make_device(make_ca(), name=subject, key_name="every field")
    assert read_certificate(device.pem).subject == {name: [value] for name, value in values.items()}


def test_the_activation_takes_every_setting_of_the_model_and_no_other() -> None:
    """Each key of the shapes that cross, each kind of list, each word for what it holds."""
    assert set(get_type_hints(AdmissionSettings)) == jitr_activation.settings._ADMISSION
    sources = get_args(get_type_hints(ListSettings)["type"])
    assert set(sources) == jitr_activation.settings._SOURCES
    assert set(ListedBy) == jitr_activation.settings._LISTED_BY
    now = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    for by in ListedBy:
        made = JitrEnrollment(
            policy="devices",
            thing_name="{CommonName}",
            thing_type="sensor",
            thing_groups=["fleet"],
            admission=Admission(
                table_name="fleet",
                table_key="id",
                listed_by=by,
                subject={"CommonName": "x"},
                not_before=now,
                not_after=now + dt.timedelta(days=1),
            ),
        )
        written = made.settings()
        # All that can be written is written, so that nothing can go unread.
        assert set(written) == set(get_type_hints(EnrollmentSettings))
        assert set(written["admission"]) == set(get_type_hints(AdmissionSettings))
        assert set(written["admission"]["list"]) == set(get_type_hints(ListSettings))
        assert set(written["thing"]) == set(get_type_hints(ThingSettings))
        read = _read(written)
        assert read.thing == jitr_activation.settings.Thing("{CommonName}", "sensor", ("fleet",))
        assert read.admission.allow_list == jitr_activation.settings.AllowList("TABLE", "fleet", "id", by)
        assert read.admission == jitr_activation.settings.Admission(
            False, read.admission.allow_list, {"CommonName": "x"}, now, now + dt.timedelta(days=1)
        )


def test_the_dry_run_reads_lists_and_names_with_the_activations_forms() -> None:
    """What one side takes for an entry, a field or a thing's name, the other does."""
    in_lambda, in_model = jitr_activation.admission, simulation
    for one, other in (
        (in_lambda._ENTRY, in_model._ENTRY),
        (in_lambda._BETWEEN, in_model._BETWEEN),
        (jitr_activation.enrolling._FIELD, FIELD),
        (jitr_activation.enrolling._THING_NAME, thing_rules.NAME),
    ):
        assert one.pattern == other.pattern
    assert in_lambda.LONGEST_VALUE == in_model._LONGEST_VALUE


def test_the_dry_run_tries_expressions_within_the_activations_limits() -> None:
    """Of time and memory, and with the same flags: what explodes there must not be decided here."""
    assert expressions.LIMIT == jitr_activation.expressions.LIMIT
    for said in (r"setrlimit\(.*\)", r"re\.fullmatch\(.*?\)"):
        found = {
            match[0]
            for child in (expressions._CHILD, jitr_activation.expressions._CHILD)
            for match in re.finditer(said, child)
        }
        assert len(found) == 1, found


def test_what_the_activation_waits_for_fits_into_its_time() -> None:
    """One call with all of botocore's attempts and their pauses, and the expressions; the rest is Lambda's to retry."""
    config = jitr_activation.runtime._CONFIG
    attempts = config.retries["total_max_attempts"]
    pauses = sum(min(2**attempt, 20) for attempt in range(attempts - 1))  # botocore's standard mode, at most
    one_call = attempts * (config.connect_timeout + config.read_timeout) + pauses
    assert one_call + jitr_activation.expressions.LIMIT <= activation_function._TIMEOUT
