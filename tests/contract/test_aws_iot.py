"""AWS IoT's law about CAs, held by the fake of the unit tests and by the local AWS alike: one suite, both must agree.

Each rule is from the AWS IoT API reference of the call, or from the developer guide ("Register your client
certificate", "Multi-account registration").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from iot_multiaccount_ca.local.emulator import LocalAws
from support.certificates import Authority, make_ca, make_verification_certificate
from support.fakes.aws_iot import AwsIot
from support.fakes.wire import client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE, TWO = "111111111111", "222222222222"


class Aws(Protocol):
    """Either of the two."""

    def client(self, account: str, region: str = "eu-west-1") -> Any: ...


class _Fake:
    def __init__(self) -> None:
        self._aws = AwsIot()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, account: str, region: str = "eu-west-1") -> Any:
        key = (account, region)
        if key not in self._clients:
            self._clients[key] = client_of(self._aws.at(*key), region)
        return self._clients[key]


class _Local:
    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws

    def client(self, account: str, region: str = "eu-west-1") -> Any:
        return self._aws.client("iot", account=account, region=region)


@pytest.fixture(scope="module", params=["fake", "local AWS"])
def aws(request: pytest.FixtureRequest) -> Iterator[Aws]:
    """One of each for all tests: every test has CAs of its own."""
    if request.param == "fake":
        yield _Fake()
    else:
        with LocalAws(auth=False, tls=False) as local:
            yield _Local(local)


def _ca(name: str, **how: Any) -> Authority:
    return make_ca("ec-p256", common_name=f"Contract {name}", **how)


def _proof(iot: Any, ca: Authority) -> str:
    return make_verification_certificate(ca, iot.get_registration_code()["registrationCode"])


def _register(iot: Any, ca: Authority, **how: Any) -> dict[str, Any]:
    answer: dict[str, Any] = iot.register_ca_certificate(
        **{"caCertificate": ca.pem, "certificateMode": "SNI_ONLY", **how}
    )
    return answer


def _register_default(iot: Any, ca: Authority, **how: Any) -> dict[str, Any]:
    return _register(iot, ca, certificateMode="DEFAULT", verificationCertificate=_proof(iot, ca), **how)


def _refused(call: Any, *arguments: Any, **how: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **how)
    return caught.value


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _description(iot: Any, certificate_id: str) -> dict[str, Any]:
    description: dict[str, Any] = iot.describe_ca_certificate(certificateId=certificate_id)[
        "certificateDescription"
    ]
    return description


def test_the_id_of_a_ca_is_the_digest_of_its_certificate(aws: Aws) -> None:
    """Not documented for CAs: what both do, and what the Lambda is right without (fault tests with other ids)."""
    ca = _ca("id")
    answer = _register(aws.client(ONE), ca)
    assert answer["certificateId"] == ca.certificate_id
    assert answer["certificateArn"] == f"arn:aws:iot:eu-west-1:{ONE}:cacert/{ca.certificate_id}"


def test_a_registration_is_described_as_it_was_made(aws: Aws) -> None:
    """Mode, status, auto-registration, owner, validity, and the configuration beside the description."""
    iot, ca = aws.client(ONE), _ca("described")
    made = _register(
        iot,
        ca,
        setAsActive=True,
        allowAutoRegistration=True,
        registrationConfig={"templateName": "fleet"},
        tags=[{"Key": "team", "Value": "a"}],
    )
    answer = iot.describe_ca_certificate(certificateId=made["certificateId"])
    described = answer["certificateDescription"]
    assert (described["status"], described["certificateMode"], described["autoRegistrationStatus"]) == (
        "ACTIVE",
        "SNI_ONLY",
        "ENABLE",
    )
    assert described["ownedBy"] == ONE
    assert described["certificatePem"].strip() == ca.pem.strip()
    assert described["validity"]["notAfter"] == ca.certificate.not_valid_after_utc
    assert answer["registrationConfig"] == {"templateName": "fleet"}
    tags = iot.list_tags_for_resource(resourceArn=made["certificateArn"])["tags"]
    assert tags == [{"Key": "team", "Value": "a"}]


def test_without_being_told_a_ca_is_inactive_and_without_auto_registration(aws: Aws) -> None:
    """setAsActive and allowAutoRegistration are false by default."""
    iot, ca = aws.client(ONE), _ca("plain")
    _register(iot, ca)
    described = iot.describe_ca_certificate(certificateId=ca.certificate_id)
    description = described["certificateDescription"]
    assert (description["status"], description["autoRegistrationStatus"]) == ("INACTIVE", "DISABLE")
    assert "registrationConfig" not in described


def test_a_registration_code_is_stable_and_of_one_account_and_region(aws: Aws) -> None:
    """64 hex digits, until it is deleted."""
    iot = aws.client(TWO, "us-east-1")
    code = iot.get_registration_code()["registrationCode"]
    assert len(code) == 64
    assert iot.get_registration_code()["registrationCode"] == code
    assert aws.client(ONE).get_registration_code()["registrationCode"] != code
    iot.delete_registration_code()
    assert iot.get_registration_code()["registrationCode"] != code


def test_default_mode_needs_a_proof(aws: Aws) -> None:
    """DEFAULT is also what a call without a mode means."""
    iot, ca = aws.client(ONE), _ca("proof")
    for how in ({"certificateMode": "DEFAULT"}, {}):
        refused = _refused(iot.register_ca_certificate, caCertificate=ca.pem, **how)
        assert _code(refused) == "InvalidRequestException"
    _register_default(iot, ca)
    assert _description(iot, ca.certificate_id)["certificateMode"] == "DEFAULT"


def test_sni_only_mode_takes_no_proof(aws: Aws) -> None:
    """A verification certificate is refused."""
    iot, ca = aws.client(ONE), _ca("no proof")
    refused = _refused(_register, iot, ca, verificationCertificate=_proof(iot, ca))
    assert _code(refused) == "InvalidRequestException"


def test_a_proof_for_another_code_is_refused(aws: Aws) -> None:
    """The common name counts."""
    iot, ca = aws.client(ONE), _ca("other code")
    proof = make_verification_certificate(ca, "ab" * 32)
    refused = _refused(_register, iot, ca, certificateMode="DEFAULT", verificationCertificate=proof)
    assert _code(refused) == "RegistrationCodeValidationException"


def test_a_proof_by_another_key_is_refused(aws: Aws) -> None:
    """A CA of the same subject, but not this one."""
    iot, ca = aws.client(ONE), _ca("other key")
    proof = _proof(iot, _ca("other key", key_name="another"))
    refused = _refused(_register, iot, ca, certificateMode="DEFAULT", verificationCertificate=proof)
    assert _code(refused) in ("CertificateValidationException", "InvalidRequestException")


def test_a_certificate_that_is_no_ca_is_refused(aws: Aws) -> None:
    """CA:FALSE, and what is not a certificate."""
    iot = aws.client(ONE)
    for pem in (_ca("no ca", ca=False).pem, "no PEM at all"):
        refused = _refused(iot.register_ca_certificate, caCertificate=pem, certificateMode="SNI_ONLY")
        assert _code(refused) == "CertificateValidationException"


def test_a_ca_is_registered_once_in_an_account_and_region(aws: Aws) -> None:
    """In whatever mode; the error tells which one it is."""
    iot, ca = aws.client(ONE), _ca("once")
    made = _register(iot, ca)
    for register in (_register, _register_default):
        refused = _refused(register, iot, ca)
        assert _code(refused) == "ResourceAlreadyExistsException"
        assert refused.response["resourceId"] == made["certificateId"]
        assert refused.response["resourceArn"] == made["certificateArn"]
    _register(aws.client(ONE, "us-east-1"), ca)


def test_any_number_of_accounts_registers_in_sni_only_mode(aws: Aws) -> None:
    """Beside one in DEFAULT mode."""
    ca = _ca("shared")
    _register_default(aws.client(ONE), ca)
    _register(aws.client(TWO), ca)
    _register(aws.client("333333333333"), ca)
    modes = [_description(aws.client(each), ca.certificate_id)["certificateMode"] for each in (ONE, TWO)]
    assert modes == ["DEFAULT", "SNI_ONLY"]


def test_one_account_of_a_region_registers_in_default_mode(aws: Aws) -> None:
    """The second is refused, with which error is not documented; in another region it may, and after the first."""
    ca = _ca("owner")
    one, two = aws.client(ONE), aws.client(TWO)
    _register_default(one, ca)
    refused = _refused(_register_default, two, ca)
    assert _code(refused) == "ResourceAlreadyExistsException"
    assert "resourceId" not in refused.response
    _register_default(aws.client(TWO, "us-east-1"), ca)
    one.delete_ca_certificate(certificateId=ca.certificate_id)
    _register_default(two, ca)


def test_an_account_has_ten_cas_of_a_subject(aws: Aws) -> None:
    """The eleventh is refused."""
    iot = aws.client(TWO)
    for number in range(10):
        _register(iot, _ca("many", key_name=f"key {number}"))
    refused = _refused(_register, iot, _ca("many", key_name="key 10"))
    assert _code(refused) == "LimitExceededException"


def test_an_active_ca_is_not_deleted(aws: Aws) -> None:
    """Deactivated first; then it is gone, and every call on it says so."""
    iot, ca = aws.client(ONE), _ca("deleted")
    _register(iot, ca, setAsActive=True)
    asked = {"certificateId": ca.certificate_id}
    assert _code(_refused(iot.delete_ca_certificate, **asked)) == "CertificateStateException"
    iot.update_ca_certificate(**asked, newStatus="INACTIVE")
    iot.delete_ca_certificate(**asked)
    for call, parameters in (
        (iot.describe_ca_certificate, asked),
        (iot.delete_ca_certificate, asked),
        (iot.update_ca_certificate, {**asked, "newStatus": "ACTIVE"}),
    ):
        assert _code(_refused(call, **parameters)) == "ResourceNotFoundException"


def test_status_auto_registration_and_template_change_apart(aws: Aws) -> None:
    """What an update does not name stays."""
    iot, ca = aws.client(ONE), _ca("updated")
    _register(iot, ca, setAsActive=True)

    def state() -> tuple[Any, ...]:
        answer = iot.describe_ca_certificate(certificateId=ca.certificate_id)
        found = answer["certificateDescription"]
        return found["status"], found["autoRegistrationStatus"], answer.get("registrationConfig")

    asked = {"certificateId": ca.certificate_id}
    iot.update_ca_certificate(**asked, newAutoRegistrationStatus="ENABLE")
    assert state() == ("ACTIVE", "ENABLE", None)
    iot.update_ca_certificate(**asked, registrationConfig={"templateName": "fleet"})
    assert state() == ("ACTIVE", "ENABLE", {"templateName": "fleet"})
    iot.update_ca_certificate(**asked, newStatus="INACTIVE")
    assert state() == ("INACTIVE", "ENABLE", {"templateName": "fleet"})
    iot.update_ca_certificate(**asked, removeAutoRegistration=True)
    assert state() == ("INACTIVE", "DISABLE", None)


def test_mode_and_certificate_do_not_change(aws: Aws) -> None:
    """UpdateCACertificate has no parameter for them."""
    iot = aws.client(ONE)
    with pytest.raises(ParamValidationError):
        iot.update_ca_certificate(certificateId="0" * 64, certificateMode="DEFAULT")


def test_tags_are_set_and_taken_off_one_by_one(aws: Aws) -> None:
    """What a call does not name stays; taking off what is not there is no error."""
    iot, ca = aws.client(ONE), _ca("tagged")
    arn = _register(iot, ca, tags=[{"Key": "a", "Value": "1"}])["certificateArn"]
    iot.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    iot.untag_resource(resourceArn=arn, tagKeys=["b", "never there"])
    tags = iot.list_tags_for_resource(resourceArn=arn)["tags"]
    assert tags == [{"Key": "a", "Value": "2"}]


def test_tags_go_with_the_ca(aws: Aws) -> None:
    """Registered again, it has none of the old ones."""
    iot, ca = aws.client(ONE), _ca("tags gone")
    _register(iot, ca, tags=[{"Key": "a", "Value": "1"}])
    iot.delete_ca_certificate(certificateId=ca.certificate_id)
    arn = _register(iot, ca)["certificateArn"]
    assert iot.list_tags_for_resource(resourceArn=arn)["tags"] == []


def test_cas_are_listed_in_pages(aws: Aws) -> None:
    """pageSize and marker; templateName filters; every CA comes once."""
    iot = aws.client(ONE, "us-west-2")
    registered = set()
    for number in range(5):
        config = {"registrationConfig": {"templateName": "paged"}} if number < 3 else {}
        registered.add(_register(iot, _ca(f"page {number}"), **config)["certificateId"])
    seen: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = iot.list_ca_certificates(pageSize=2, **marker)
        assert len(page["certificates"]) <= 2
        seen += [each["certificateId"] for each in page["certificates"]]
        if not page.get("nextMarker"):
            break
        marker = {"marker": page["nextMarker"]}
    assert len(seen) == 5
    assert set(seen) == registered
    assert len(iot.list_ca_certificates(templateName="paged")["certificates"]) == 3
