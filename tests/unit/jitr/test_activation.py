"""Rules of the activation Lambda: who is admitted, in which order things happen, and what it says of it."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.x509.oid import NameOID

import activation
from iot_multiaccount_ca.constructs.policies import activation_statements
from iot_multiaccount_ca.model.jitr.admission import Admission
from iot_multiaccount_ca.model.jitr.enrollment import JitrEnrollment
from iot_multiaccount_ca.model.target import Target
from jitr_activation import expressions
from jitr_activation.admission import NoSuchListError, why_not
from jitr_activation.certificate import Certificate
from jitr_activation.settings import InvalidSettingsError, read_settings
from support.certificates import DeviceKeyPair, make_ca, make_device
from support.fakes.enrollment import (
    ACCOUNT,
    REGION,
    FakeAccount,
    refusal,
)

CA = make_ca("ec-p256", common_name="JITR CA")
NOW = dt.datetime.now(dt.UTC)
HOUR = dt.timedelta(hours=1)
OPEN = Admission.any_certificate()
CONTEXT = SimpleNamespace(invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f")


def _device(common_name: str = "sensor-1", **how: Any) -> DeviceKeyPair:
    return make_device(CA, common_name, subject=how)


class Lambda:
    """The handler with an environment as the construct writes it, in an account of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.aws = FakeAccount()
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def configure(self, admission: Admission = OPEN, **how: Any) -> None:
        enrollment = JitrEnrollment(policy="devices", admission=admission, **how)
        self._monkeypatch.setenv("CA_CERTIFICATE_ID", CA.certificate_id)
        self._monkeypatch.setenv("POLICY_NAME", enrollment.policy_name or "")
        self._monkeypatch.setenv("ENROLLMENT", json.dumps(enrollment.settings()))

    def knock(self, device: DeviceKeyPair, **known: Any) -> dict[str, Any]:
        """The device's certificate is registered, and its event comes."""
        self.aws.add(device.certificate_id, device.pem, **{"ca": CA.certificate_id, **known})
        return self.event(device.certificate_id)

    def event(self, certificate_id: str) -> dict[str, Any]:
        event = {"certificateId": certificate_id, "caCertificateId": "0" * 64, "certificateStatus": "ACTIVE"}
        return activation.handler(event, CONTEXT, self.aws)

    def status(self, device: DeviceKeyPair) -> str:
        found: str = self.aws.certificates[device.certificate_id]["status"]
        return found

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lambda:
    made = Lambda(monkeypatch, capsys)
    made.configure()
    return made


# --- who is admitted ----------------------------------------------------------------------------------------


def test_nobody_is_admitted_unless_told_otherwise(here: Lambda) -> None:
    """Closed is the default, and a refusal is a success that changes nothing."""
    here.configure(Admission())
    device = _device()
    assert here.knock(device)["decision"] == "refused"
    assert here.status(device) == "PENDING_ACTIVATION"
    assert here.aws.writes == []


def _written(fingerprint: str, form: str) -> str:
    pairs = ":".join(fingerprint[at : at + 2] for at in range(0, len(fingerprint), 2))
    return {"plain": fingerprint, "openssl": pairs.upper(), "list": f"{'ab' * 32},\n {fingerprint} ,"}[form]


@pytest.mark.parametrize("form", ["plain", "openssl", "list"])
def test_a_listed_fingerprint_is_admitted(here: Lambda, form: str) -> None:
    """As AWS IoT writes it, as openssl prints it, or among others."""
    here.configure(Admission(parameter_name="/fleet/admitted"))
    listed, other = _device(), _device("sensor-2")
    here.aws.parameters["/fleet/admitted"] = _written(listed.certificate_id, form)
    assert here.knock(listed)["decision"] == "activated"
    refused = here.knock(other)
    assert refused["decision"] == "refused"
    assert refused["reason"] == f"fingerprint {other.certificate_id} is not in parameter /fleet/admitted"
    assert here.status(other) == "PENDING_ACTIVATION"


def test_a_listed_serial_number_is_admitted(here: Lambda) -> None:
    """The number that the CA gave the certificate, as openssl prints it."""
    here.configure(Admission(parameter_name="/serials", listed_by="SERIAL_NUMBER"))
    listed, other = _device(), _device("sensor-2")
    here.aws.parameters["/serials"] = f"0{listed.certificate.serial_number:X} 1234"
    assert here.knock(listed)["decision"] == "activated"
    assert here.knock(other)["decision"] == "refused"


def _serial_number_0(here: Lambda, entry: str, listed_by: str = "SERIAL_NUMBER") -> str | None:
    """Why a certificate of serial number 0 (no library makes one) is not admitted by a list with this entry."""
    here.configure(Admission(parameter_name="/serials", listed_by=listed_by))
    here.aws.parameters["/serials"] = f"{entry} {'ab' * 32}"
    certificate = Certificate(fingerprint="cd" * 32, serial_number="0", subject={})
    return why_not(read_settings(os.environ).admission, certificate, here.aws, NOW)


@pytest.mark.parametrize(
    "entry", ["0x", "0X", ":", "::", ",", "-0", "+0", "0x:", "\u0660", "\uff10", "0_0", "x", "0b0"]
)
@pytest.mark.parametrize("listed_by", ["FINGERPRINT", "SERIAL_NUMBER"])
def test_what_has_no_digits_is_no_entry(here: Lambda, entry: str, listed_by: str) -> None:
    """Read as nothing it would admit serial number 0; digits are ASCII."""
    assert "is not in parameter" in str(_serial_number_0(here, entry, listed_by))


@pytest.mark.parametrize("entry", ["0", "00:00", "0x0"])
def test_serial_number_0_is_admitted_where_it_is_listed(here: Lambda, entry: str) -> None:
    """No CA should give it, and some do."""
    assert _serial_number_0(here, entry) is None


def test_a_fingerprint_is_listed_whole(here: Lambda) -> None:
    """What is left without its leading zeros is not a fingerprint."""
    here.configure(Admission(parameter_name="/fleet/admitted"))
    device = _device()
    here.aws.parameters["/fleet/admitted"] = device.certificate_id[1:]
    assert here.knock(device)["decision"] == "refused"


@pytest.mark.parametrize("listed_by", ["FINGERPRINT", "SERIAL_NUMBER"])
def test_an_item_of_a_table_is_admitted(here: Lambda, listed_by: str) -> None:
    """One item per certificate."""
    here.configure(Admission(table_name="fleet", table_key="id", listed_by=listed_by))
    listed, other = _device(), _device("sensor-2")
    serial = f"{listed.certificate.serial_number:x}"
    here.aws.tables["fleet"] = ("id", {listed.certificate_id if listed_by == "FINGERPRINT" else serial})
    assert here.knock(listed)["decision"] == "activated"
    assert "is not in table fleet" in here.knock(other)["reason"]


def test_the_subject_has_to_match_as_a_whole(here: Lambda) -> None:
    """Every field of the rule, each from its first to its last character."""
    here.configure(Admission(subject={"CommonName": "sensor-[0-9]+", "Organization": "Example"}))
    assert here.knock(_device(organization="Example"))["decision"] == "activated"
    for common_name, organization in (("sensor-1x", "Example"), ("sensor-1", "Example 2"), ("x", "Example")):
        refused = here.knock(_device(common_name, organization=organization))
        assert refused["decision"] == "refused"
        assert "does not match" in refused["reason"]
    assert here.knock(_device("sensor-3"))["reason"] == "the subject has no Organization"


@pytest.mark.parametrize(
    ("expression", "common_name"),
    [
        (r"sensor-\d+", "sensor-\u0663"),
        (r"sensor-\w", "sensor-\u00e9"),
        (r"a\sb", "a\u00a0b"),
        (r"(?i:k)", "\u212a"),
    ],
)
def test_classes_of_characters_are_ascii(here: Lambda, expression: str, common_name: str) -> None:
    """Digits of other scripts look alike, and are others; so with letters and blanks."""
    here.configure(Admission(subject={"CommonName": expression}))
    assert "does not match" in here.knock(_device(common_name))["reason"]


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|a)*b", "(.*a){20}b", "(?:a?){30}a{30}b"])
def test_an_expression_that_explodes_costs_one_device(here: Lambda, expression: str) -> None:
    """It ends within 2 s, the device is refused with the reason, and others are admitted as before."""
    here.configure(Admission(subject={"CommonName": expression + "|sensor-1"}))
    begun = time.monotonic()
    refused = here.knock(_device("a" * 63 + "!"))
    assert time.monotonic() - begun < 2
    assert refused["decision"] == "refused"
    assert "is not decided in the time and memory that there is by" in refused["reason"]
    assert here.knock(_device("sensor-1"))["decision"] == "activated"


def test_others_are_admitted_while_an_expression_explodes(here: Lambda) -> None:
    """Each device has a child process of its own."""
    here.configure(Admission(subject={"CommonName": "(a+)+$|sensor-[0-9]"}))
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(here.knock, _device("a" * 63 + "!"))
        quick = pool.submit(here.knock, _device("sensor-1"))
        assert quick.result()["decision"] == "activated"
        assert not slow.done()
        assert slow.result()["decision"] == "refused"


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is the Lambda's system's")
def test_an_expression_that_fills_the_memory_costs_one_device() -> None:
    """The function's memory is for all that it does: the child gets a part of it, and the device is refused."""
    program = (
        "import resource\n"
        "from jitr_activation.expressions import first_mismatch\n"
        "print(first_mismatch([('((((a?){200}){200}){200}){200}b', 'a' * 200)]).decided)\n"
        "print(first_mismatch([('sensor-[0-9]+', 'sensor-1')]))\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 150_000)"
    )
    path = os.pathsep.join(sys.path)
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["False", "None", "True"]


def test_a_child_that_has_answered_and_does_not_end_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said counts, however long it takes to go."""
    monkeypatch.setattr(expressions, "_CHILD", expressions._CHILD + "\nimport time; time.sleep(9)")
    assert expressions.first_mismatch([("a+", "aa"), ("b", "b")]) is None
    assert expressions.first_mismatch([("a+", "aa"), ("b", "c")]) == (1, True)


def test_what_does_not_match_is_told_though_a_later_field_explodes(here: Lambda) -> None:
    """The fields that were decided in time count."""
    here.configure(Admission(subject={"CommonName": "(a+)+$", "Organization": "Example"}))
    reason = here.knock(_device("a" * 63 + "!", organization="Example"))["reason"]
    assert "CommonName" in reason
    here.configure(Admission(subject={"CommonName": "sensor", "Organization": "(a+)+$"}))
    reason = here.knock(_device("other", organization="a" * 63 + "!"))["reason"]
    assert "does not match 'sensor'" in reason


@pytest.mark.parametrize(
    ("window", "decision", "said"),
    [
        ({"not_before": NOW - HOUR, "not_after": NOW + HOUR}, "activated", "admitted"),
        ({"not_before": NOW + HOUR}, "refused", "opens at"),
        ({"not_after": NOW - HOUR}, "refused", "closed at"),
    ],
)
def test_the_window_is_open_or_not(
    here: Lambda, window: dict[str, dt.datetime], decision: str, said: str
) -> None:
    """Between its two ends."""
    here.configure(Admission.any_certificate(**window))
    answer = here.knock(_device())
    assert answer["decision"] == decision
    assert said in answer["reason"]


def test_all_conditions_must_hold(here: Lambda) -> None:
    """On the list, and the wrong subject."""
    here.configure(Admission(parameter_name="/a", subject={"CommonName": "sensor-[0-9]+"}))
    device = _device("camera-1")
    here.aws.parameters["/a"] = device.certificate_id
    assert here.knock(device)["decision"] == "refused"


def test_a_list_that_does_not_exist_is_a_failure(here: Lambda) -> None:
    """Nobody is admitted, and the event is not lost: it goes to the dead-letter queue."""
    here.configure(Admission(parameter_name="/nowhere"))
    device = _device()
    with pytest.raises(NoSuchListError, match="/nowhere"):
        here.knock(device)
    assert here.status(device) == "PENDING_ACTIVATION"
    assert here.logged()[-1]["decision"] == "failed"


# --- what is never touched ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["ACTIVE", "INACTIVE", "REVOKED", "PENDING_TRANSFER"])
def test_only_what_is_pending_is_touched(here: Lambda, status: str) -> None:
    """Whatever the event says: it may be old, and someone may have revoked the certificate since."""
    device = _device()
    assert here.knock(device, status=status)["decision"] == "left alone"
    assert here.aws.writes == []


def test_a_certificate_of_another_ca_is_refused(here: Lambda) -> None:
    """What AWS IoT says counts, not the event."""
    assert here.knock(_device(), ca="ab" * 32)["reason"] == f"the certificate is of CA {'ab' * 32}"
    assert here.aws.writes == []


def test_a_certificate_that_is_not_what_its_id_says_is_refused(here: Lambda) -> None:
    """The list is asked for the certificate that is activated, and for no other."""
    here.aws.add("ab" * 32, _device().pem, CA.certificate_id)
    assert here.event("ab" * 32)["decision"] == "refused"
    assert here.aws.writes == []


def test_an_event_that_comes_again_changes_nothing(here: Lambda) -> None:
    """Rules and Lambda deliver at least once."""
    here.configure(thing_name="{CommonName}")
    device = _device()
    here.knock(device)
    first = list(here.aws.writes)
    assert here.event(device.certificate_id)["decision"] == "left alone"
    assert here.aws.writes == first


def test_a_certificate_revoked_meanwhile_stays_revoked(here: Lambda) -> None:
    """The last look is right before the activation."""
    here.configure(thing_name="{CommonName}")
    here.aws.status_after["attach_thing_principal"] = "REVOKED"
    device = _device()
    assert here.knock(device)["reason"] == "the certificate has become REVOKED"
    assert here.status(device) == "REVOKED"


# --- what an admitted device gets ---------------------------------------------------------------------------


def test_activation_comes_last(here: Lambda) -> None:
    """Thing, group, policy, attachment: whatever fails before leaves the device outside."""
    here.aws.groups["new"] = set()
    here.configure(thing_name="x-{CommonName}", thing_type="sensor", thing_groups=["new"])
    device = _device()
    answer = here.knock(device)
    assert here.aws.writes == [
        "create_thing",
        "add_thing_to_thing_group",
        "attach_policy",
        "attach_thing_principal",
        "update_certificate",
    ]
    assert answer["thingName"] == "x-sensor-1"
    arn = here.aws.certificates[device.certificate_id]["certificateArn"]
    assert here.aws.things["x-sensor-1"] == {"asked": {"thingTypeName": "sensor"}, "principals": {arn}}
    assert here.aws.policies["devices"] == {arn}
    assert here.aws.groups["new"] == {"x-sensor-1"}
    assert here.status(device) == "ACTIVE"


@pytest.mark.parametrize(
    "operation",
    [
        "list_thing_principals",
        "create_thing",
        "attach_policy",
        "attach_thing_principal",
        "update_certificate",
        "describe_certificate",
    ],
)
def test_what_fails_is_raised_and_done_again(here: Lambda, operation: str) -> None:
    """Lambda tries again; the second time everything is in place."""
    here.configure(thing_name="{CommonName}")
    here.aws.fail(operation, refusal("ThrottlingException"))
    device = _device()
    with pytest.raises(ClientError):
        here.knock(device)
    assert here.status(device) == "PENDING_ACTIVATION"
    failed = here.logged()[-1]
    assert failed["decision"] == "failed"
    assert failed["reason"].startswith("ThrottlingException")
    assert here.event(device.certificate_id)["decision"] == "activated"


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        ("attach_policy", "attaching policy devices"),
        ("create_thing", "making thing sensor-1 of type sensor"),
        ("add_thing_to_thing_group", "putting thing sensor-1 into group new"),
    ],
)
def test_what_is_missing_is_named(here: Lambda, operation: str, says: str) -> None:
    """AWS says that something was not found, and not always what."""
    here.configure(thing_name="{CommonName}", thing_type="sensor", thing_groups=["new"])
    here.aws.groups["new"] = set()
    here.aws.fail(operation, refusal("ResourceNotFoundException"))
    with pytest.raises(ClientError):
        here.knock(_device())
    assert here.logged()[-1]["reason"].startswith(f"ResourceNotFoundException: {says}: ")


def test_a_policy_that_does_not_exist_activates_nobody(here: Lambda) -> None:
    """An active device that may do nothing looks like one that works."""
    del here.aws.policies["devices"]
    device = _device()
    with pytest.raises(ClientError):
        here.knock(device)
    assert here.status(device) == "PENDING_ACTIVATION"


def test_a_thing_that_nobody_holds_is_used_as_it_is(here: Lambda) -> None:
    """Somebody made it for this device, or took the former certificate off it; a Cognito identity is not a device."""
    user = "arn:aws:cognito-identity:eu-west-1:111111111111:identitypool/eu-west-1:1"
    here.aws.things["sensor-1"] = {"asked": {"thingTypeName": "older"}, "principals": {user}}
    here.configure(thing_name="{CommonName}", thing_type="newer")
    assert here.knock(_device())["decision"] == "activated"
    assert here.aws.things["sensor-1"]["asked"] == {"thingTypeName": "older"}
    assert len(here.aws.things["sensor-1"]["principals"]) == 2


def test_a_thing_that_another_certificate_holds_is_not_taken_over(here: Lambda) -> None:
    """Nor anything made: with the thing would go its shadow, its jobs and what its policy allows."""
    holders = {f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/{'0' * 64}", "arn:aws:cognito-identity:::identitypool/a"}
    here.aws.things["sensor-1"] = {"asked": {}, "principals": set(holders)}
    here.configure(thing_name="{CommonName}")
    device = _device()
    answer = here.knock(device)
    assert answer["decision"] == "refused"
    assert answer["reason"] == "another certificate holds thing sensor-1; detach it from the thing first"
    assert here.status(device) == "PENDING_ACTIVATION"
    assert here.aws.writes == []
    here.aws.things["sensor-1"]["principals"].clear()
    assert here.event(device.certificate_id)["decision"] == "activated"


def test_a_holder_is_found_on_whatever_page_it_stands(here: Lambda) -> None:
    """AWS IoT pages what it lists."""
    others = {f"arn:aws:cognito-identity:::identitypool/{n}" for n in range(3)}
    here.aws.things["sensor-1"] = {
        "asked": {},
        "principals": {*others, f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/{'f' * 64}"},
    }
    here.configure(thing_name="{CommonName}")
    assert here.knock(_device())["decision"] == "refused"


def test_a_thing_of_ones_own_is_kept(here: Lambda) -> None:
    """An attempt that failed after the attachment is done again."""
    here.configure(thing_name="{CommonName}")
    here.aws.fail("update_certificate", refusal("ThrottlingException"))
    device = _device()
    with pytest.raises(ClientError):
        here.knock(device)
    assert here.event(device.certificate_id)["decision"] == "activated"


def test_without_a_thing_the_policy_is_attached_alone(here: Lambda) -> None:
    """As told."""
    assert "thingName" not in here.knock(_device())
    assert here.aws.writes == ["attach_policy", "update_certificate"]


@pytest.mark.parametrize("common_name", ["größer", "a/b", "two words"])
def test_a_subject_that_makes_no_thing_name_is_refused(here: Lambda, common_name: str) -> None:
    """Before anything is made."""
    here.configure(thing_name="sensor-{CommonName}")
    answer = here.knock(_device(common_name))
    assert answer["decision"] == "refused"
    assert "not a name that a thing can have" in answer["reason"]
    assert here.aws.writes == []


def test_a_subject_that_has_a_field_twice_names_no_thing(here: Lambda) -> None:
    """Which of the two would be a guess."""
    here.configure(thing_name="{CommonName}")
    twice = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in ("mine", "theirs")])
    assert here.knock(make_device(CA, name=twice))["reason"] == "the subject has 2 CommonName"
    assert here.aws.writes == []


def test_a_thing_can_be_named_by_the_certificate_id(here: Lambda) -> None:
    """Always there, and never another's."""
    here.configure(thing_name="{CertificateId}")
    device = _device()
    assert here.knock(device)["thingName"] == device.certificate_id


# --- what it says and reads ---------------------------------------------------------------------------------


def test_every_decision_is_one_line_of_json(here: Lambda) -> None:
    """With certificate, account, region, decision and reason; and nothing of the certificate's text."""
    device = _device()
    here.knock(device)
    here.configure(Admission())
    other = _device("sensor-2")
    here.knock(other)
    lines = here.logged()
    assert [line["decision"] for line in lines] == ["activated", "refused"]
    assert lines[1] == {
        "account": ACCOUNT,
        "region": REGION,
        "caCertificateId": CA.certificate_id,
        "certificateId": other.certificate_id,
        "decision": "refused",
        "reason": "admission is closed: nobody is admitted",
    }
    assert "BEGIN" not in json.dumps(lines)


def test_a_subject_cannot_forge_a_log_line(here: Lambda) -> None:
    """A new line in a name stays inside its line."""
    here.configure(Admission(subject={"CommonName": "sensor"}))
    here.knock(_device('x\n{"decision": "activated"}'))
    assert [line["decision"] for line in here.logged()] == ["refused"]


@pytest.mark.parametrize("event", [{}, {"certificateId": "x"}, {"certificateId": None}])
def test_an_event_that_names_no_certificate_fails(here: Lambda, event: dict[str, Any]) -> None:
    """It goes to the dead-letter queue, where someone sees it."""
    with pytest.raises(Exception, match="64 hex digits"):
        activation.handler(event, CONTEXT, here.aws)
    assert here.aws.calls == []


@pytest.mark.parametrize(
    "enrollment",
    [
        "no json",
        "{}",
        '{"admission": {}}',
        '{"admission": {"everyone": "true"}}',
        '{"admission": {"everyone": false, "newer": 1}}',
        '{"admission": {"everyone": false, "everyone": true}}',
        '{"admission": {"everyone": false, "list": {"type": "FILE", "name": "a", "by": "FINGERPRINT"}}}',
        '{"admission": {"everyone": true, "list": {}}}',
        '{"admission": {"everyone": true, "list": null}}',
        '{"admission": {"everyone": true, "list": {"type": "TABLE", "name": "a", "by": "FINGERPRINT", "newer": 1}}}',
        '{"admission": {"everyone": true, "subject": {"CommonName": "a", "CommonName": ".*"}}}',
        '{"admission": {"everyone": true, "subject": null}}',
        '{"admission": {"everyone": true, "notAfter": "2030-01-01T00:00:00"}}',
    ],
)
def test_settings_that_are_not_understood_admit_nobody(
    here: Lambda, enrollment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A condition that this code does not know might be the one that keeps the device out."""
    monkeypatch.setenv("ENROLLMENT", enrollment)
    device = _device()
    with pytest.raises(InvalidSettingsError):
        here.knock(device)
    assert here.status(device) == "PENDING_ACTIVATION"
    assert here.aws.calls == []


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"thing_name": "{CommonName}", "thing_groups": ["new"]},
        {"admission": Admission(parameter_name="/fleet/admitted")},
        {"admission": Admission(table_name="fleet", table_key="id")},
    ],
    ids=["plain", "a thing in a group", "a parameter", "a table"],
)
def test_it_calls_what_its_role_allows_and_all_of_it(here: Lambda, how: dict[str, Any]) -> None:
    """No action is granted that nothing needs: each is called on the way of one device."""
    device = _device()
    here.aws.parameters["/fleet/admitted"] = device.certificate_id
    here.aws.tables["fleet"] = ("id", {device.certificate_id})
    here.aws.groups["new"] = set()
    here.configure(**how)
    assert here.knock(device)["decision"] == "activated"
    enrollment = JitrEnrollment(policy="devices", **{"admission": OPEN, **how})
    statements = activation_statements(Target.of(ACCOUNT, REGION), enrollment)
    actions = (each["Action"] for each in statements)
    granted = {name for each in actions for name in ([each] if isinstance(each, str) else each)}
    called = {each.replace("_", " ").title().replace(" ", "") for each in here.aws.calls}
    assert called == {each.partition(":")[2] for each in granted}
