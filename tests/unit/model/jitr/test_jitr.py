"""Rules of just-in-time registration as a value: closed by default, and nothing that could admit wrongly."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.jitr.admission import Admission, ListedBy
from iot_multiaccount_ca.model.jitr.enrollment import JitrEnrollment, thing_pattern

BEGIN = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(2030, 2, 1, tzinfo=dt.UTC)
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "iot:Connect",
            "Resource": "arn:{{partition}}:iot:{{region}}:{{account}}:client/${iot:Connection.Thing.ThingName}",
        }
    ],
}


PARAMETER = SimpleNamespace(
    parameter_name="/fleet/admitted", parameter_arn="arn:aws:ssm:::parameter/a", grant_read=None
)
TABLE = SimpleNamespace(table_name="${Token[TOKEN.1]}", table_arn="arn:aws:dynamodb:::table/a")


def test_an_admission_is_closed_unless_told_otherwise() -> None:
    """Every certificate of a shared CA can knock at production too."""
    assert Admission().closed
    assert Admission().settings() == {"everyone": False}
    assert JitrEnrollment(policy="devices").admission == Admission()


def test_everyone_is_admitted_only_by_name() -> None:
    """The opening has a call of its own."""
    opened = Admission.any_certificate(not_after=END)
    assert not opened.closed
    assert opened.settings() == {"everyone": True, "notAfter": "2030-02-01T00:00:00+00:00"}


def test_all_conditions_go_into_the_settings() -> None:
    """A table, a subject rule and a window, the times in UTC."""
    admission = Admission(
        table_name="fleet",
        table_key="serial",
        listed_by="SERIAL_NUMBER",
        subject={"Organization": "Example", "CommonName": "sensor-[0-9]+"},
        not_before=BEGIN.astimezone(dt.timezone(dt.timedelta(hours=2))),
        not_after=END,
    )
    assert admission.settings() == {
        "everyone": False,
        "list": {"type": "TABLE", "name": "fleet", "key": "serial", "by": "SERIAL_NUMBER"},
        "subject": {"Organization": "Example", "CommonName": "sensor-[0-9]+"},
        "notBefore": "2030-01-01T00:00:00+00:00",
        "notAfter": "2030-02-01T00:00:00+00:00",
    }
    assert admission.listed_by is ListedBy.SERIAL_NUMBER


def test_a_parameter_is_a_list_of_fingerprints_unless_told() -> None:
    """The fingerprint is AWS IoT's certificate id, which names one certificate and no other."""
    assert Admission(parameter_name="/fleet/admitted").settings()["list"] == {
        "type": "PARAMETER",
        "name": "/fleet/admitted",
        "by": "FINGERPRINT",
    }


@pytest.mark.parametrize(
    "how",
    [
        {"parameter_name": "/a", "table_name": "fleet"},
        {"parameter_name": ""},
        {"parameter_name": "arn:aws:ssm:eu-west-1:111111111111:parameter/a"},
        {"parameter_name": "no/leading/slash"},
        {"table_name": "ab"},
        {"table_name": 7},
        {"table_name": "fleet", "table_key": ""},
        {"parameter_name": "/a", "listed_by": "SUBJECT"},
        {"table": "fleet"},
        {"parameter": 7},
        {"table": TABLE, "table_name": "fleet"},
        {"parameter": PARAMETER, "table": TABLE},
        {"everyone": True, "table": TABLE},
        {"everyone": True, "subject": {"CommonName": "a"}},
    ],
)
def test_a_list_that_cannot_be_looked_up_is_refused(how: dict[str, Any]) -> None:
    """One list, by its literal name."""
    with pytest.raises(errors.AllowListError):
        Admission(**how)


def test_a_list_may_be_a_construct() -> None:
    """Its name may be known at deployment only."""
    assert Admission(parameter=PARAMETER).settings()["list"]["name"] == "/fleet/admitted"
    listed = Admission(table=TABLE, table_key="id").settings()["list"]
    assert listed == {"type": "TABLE", "name": "${Token[TOKEN.1]}", "key": "id", "by": "FINGERPRINT"}
    assert not Admission(table=TABLE).closed


@pytest.mark.parametrize(
    ("make", "fix"),
    [
        (lambda token: Admission(parameter_name=token), "Admission(parameter=…)"),
        (lambda token: Admission(table_name=token), "Admission(table=…)"),
        (lambda token: Admission(table_name="fleet", table_key=token), "write the key's name out"),
        (lambda token: Admission(subject={"CommonName": f"a-{token}"}), "write the expression out"),
        (lambda token: JitrEnrollment(policy=token), "write the policy's name out"),
        (lambda token: JitrEnrollment(policy={"Statement": [token]}), "{{account}}"),
        (lambda token: JitrEnrollment(policy="p", thing_name=token), "{CommonName}"),
        (
            lambda token: JitrEnrollment(policy="p", thing_name="{CommonName}", thing_type=token),
            "write the name",
        ),
        (
            lambda token: JitrEnrollment(policy="p", thing_name="{CommonName}", thing_groups=[token]),
            "write the name",
        ),
    ],
)
def test_a_token_is_called_so_with_what_to_give_instead(make: Any, fix: str) -> None:
    """A placeholder that looks like a name would be taken for one."""
    with pytest.raises(errors.UnresolvedEnrollmentError, match="a Token: a placeholder") as raised:
        make("${Token[TOKEN.1]}")
    assert fix in str(raised.value.fix)


def test_a_changed_value_is_checked_again() -> None:
    """No way to an admission or enrollment passes the rules by."""
    admission = Admission(parameter_name="/a", subject={"CommonName": "a"}, not_after=END)
    assert attrs.evolve(admission, subject=None).subject == ()
    assert attrs.evolve(admission) == admission
    with pytest.raises(errors.EnrollmentWindowError):
        attrs.evolve(admission, not_before=END)
    with pytest.raises(errors.AllowListError):
        attrs.evolve(admission, everyone=True)
    enrollment = JitrEnrollment(policy=DOCUMENT, thing_name="{CommonName}")
    assert attrs.evolve(enrollment) == enrollment
    with pytest.raises(errors.EnrollmentPolicyError):
        attrs.evolve(enrollment, thing_name=None)


def test_everyone_is_really_true() -> None:
    """The text "false" would open the fleet."""
    with pytest.raises(errors.InvalidFlagError):
        Admission(everyone="false")  # type: ignore[arg-type]


def test_a_policy_document_may_be_its_text() -> None:
    """Read strictly: a key that stands twice is told."""
    assert JitrEnrollment(policy=json.dumps(DOCUMENT), thing_name="{CommonName}") == JitrEnrollment(
        policy=DOCUMENT, thing_name="{CommonName}"
    )
    with pytest.raises(errors.EnrollmentPolicyError, match="'Effect' stands twice"):
        JitrEnrollment(policy='{"Statement": [{"Effect": "Deny", "Effect": "Allow"}]}')


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ({}, "names no field"),
        ("CN=a", "names no field"),
        ({"CN": "a"}, "CommonName"),
        ({"CommonName": "("}, "not a regular expression"),
        ({"CommonName": ""}, "is not text"),
        ({"CommonName": "(?u)a"}, "ASCII and UNICODE"),
        ([("CommonName", "a")], "names no field"),
        ({"CommonName": 1}, "is not text"),
    ],
)
def test_a_subject_rule_is_checked_at_construction(subject: Any, said: str) -> None:
    """Not when the first device knocks."""
    with pytest.raises(errors.SubjectRuleError, match=said):
        Admission(subject=subject)


def test_a_window_has_a_zone_and_a_length() -> None:
    """A naive time would be another one in the Lambda."""
    with pytest.raises(errors.EnrollmentWindowError, match="with a zone"):
        Admission(parameter_name="/a", not_before=BEGIN.replace(tzinfo=None))
    with pytest.raises(errors.EnrollmentWindowError, match="before it begins"):
        Admission(parameter_name="/a", not_before=END, not_after=BEGIN)
    with pytest.raises(errors.EnrollmentWindowError, match="before it begins"):
        Admission.any_certificate(not_before=END, not_after=END)


def test_a_window_alone_admits_nobody_and_is_refused() -> None:
    """It says when, and not who: opening to everyone has to be said."""
    with pytest.raises(errors.EnrollmentWindowError, match="any_certificate"):
        Admission(not_before=BEGIN)


def test_a_policy_is_named_or_written_out() -> None:
    """A document is filled for each stage; a name stands as it is."""
    assert JitrEnrollment(policy="devices").policy_name == "devices"
    written = JitrEnrollment(policy=DOCUMENT, thing_name="{CommonName}")
    assert written.policy_name is None
    filled = written.resolve_policy(account="111111111111", region="cn-north-1", partition="aws-cn")
    assert filled is not None
    assert filled["Statement"][0]["Resource"] == (
        "arn:aws-cn:iot:cn-north-1:111111111111:client/${iot:Connection.Thing.ThingName}"
    )
    assert JitrEnrollment(policy="devices").resolve_policy(account="1", region="r", partition="p") is None


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("arn:aws:iot:eu-west-1:111111111111:policy/a", "not an ARN"),
        ("", "not a name"),
        (None, "not a policy document"),
        ({"Version": "2012-10-17"}, "not a policy document"),
        ({"Statement": [{"a": {1}}]}, "JSON cannot"),
        ({"Statement": ["{{stage}}"]}, "no stage can fill"),
        ({"Statement": ["x" * 2_100]}, "too long"),
    ],
)
def test_a_policy_that_could_not_be_is_refused(policy: Any, said: str) -> None:
    """Before anything is deployed."""
    with pytest.raises(errors.EnrollmentPolicyError, match=said):
        JitrEnrollment(policy=policy)


def test_a_policy_on_the_thing_needs_a_thing() -> None:
    """Its policy variables would stay empty, and the device could do nothing."""
    with pytest.raises(errors.EnrollmentPolicyError, match="get none"):
        JitrEnrollment(policy=DOCUMENT)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"thing_name": "sensor"}, "all would share one thing"),
        ({"thing_name": "{Serial}"}, "not read"),
        ({"thing_name": "a b {CommonName}"}, "no thing's name"),
        ({"thing_name": ""}, "no thing's name"),
        ({"thing_type": "sensor"}, "without a thing"),
        ({"thing_groups": ["a"]}, "without a thing"),
        ({"thing_name": "{CommonName}", "thing_groups": "abc"}, "not a list"),
        ({"thing_name": "{CommonName}", "thing_groups": None}, "not a list"),
        ({"thing_name": "{CommonName}", "thing_groups": [None]}, "thing_groups"),
        ({"thing_name": "{CommonName}", "thing_groups": ["a b"]}, "thing_groups"),
        ({"thing_name": "{CommonName}", "thing_type": "a b"}, "thing_type"),
    ],
)
def test_a_thing_that_could_not_be_is_refused(how: dict[str, Any], said: str) -> None:
    """Names as AWS IoT takes them, and one thing for each device."""
    with pytest.raises(errors.EnrollmentThingError, match=said):
        JitrEnrollment(policy="devices", **how)


def test_the_settings_fit_a_lambdas_environment() -> None:
    """4 KB hold all of its variables."""
    with pytest.raises(errors.EnrollmentTooLongError, match="too long"):
        JitrEnrollment(policy="p", admission=Admission(subject={"CommonName": "x" * 3_000}))


def test_the_admission_is_an_admission() -> None:
    """Not its settings, nor a word."""
    with pytest.raises(errors.InvalidTypeError, match="admission"):
        JitrEnrollment(policy="devices", admission="everyone")  # type: ignore[arg-type]


def test_the_thing_goes_into_the_settings() -> None:
    """Name, type and groups; the policy's name may be known at deployment only, and is not a part of them."""
    enrollment = JitrEnrollment(
        policy="devices", thing_name="sensor-{CommonName}", thing_type="sensor", thing_groups=["new"]
    )
    assert enrollment.settings() == {
        "admission": {"everyone": False},
        "thing": {"name": "sensor-{CommonName}", "type": "sensor", "groups": ["new"]},
    }
    assert thing_pattern("sensor-{CommonName}") == "sensor-*"
    json.dumps(enrollment.settings())


def test_enrollments_are_values() -> None:
    """Equal and hashable: stages may share one."""
    one, other = (JitrEnrollment(policy=DOCUMENT, thing_name="{CommonName}") for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
