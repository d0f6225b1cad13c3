"""PRIVATE_CA: an AWS Private CA issues the verification certificate. Against a fake: see fakes/private_ca.py."""

from __future__ import annotations

import datetime as dt

import pytest
from botocore.exceptions import ParamValidationError
from cryptography import x509
from cryptography.x509.oid import NameOID

from ca_registrar.possession import PossessionError, prove
from ca_registrar.possession.signing import signing_errors as causes
from support.certificates import Authority, make_ca, registration_code
from support.fakes.private_ca import FakePrivateCa
from support.fakes.wire import FakeClients, Refusal, client_of

CODE = registration_code()
ARN = "arn:aws:acm-pca:eu-west-1:333333333333:certificate-authority/11111111-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waiter's pauses."""
    monkeypatch.setattr("botocore.waiter.time.sleep", lambda seconds: None)


def prove_with(fake: FakePrivateCa, ca: Authority) -> x509.Certificate:
    pem = prove(
        {"Type": "PRIVATE_CA", "CertificateAuthorityArn": ARN},
        ca_certificate_pem=ca.pem,
        registration_code=CODE,
        clients=FakeClients(fake),
    )
    return x509.load_pem_x509_certificate(pem.encode())


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ec-p256", "ec-p384", "ec-p521"])
def test_it_issues_the_certificate(algorithm: str) -> None:
    """Signed by the private CA, for the code, whatever the kind of its key."""
    ca = make_ca(algorithm)
    certificate = prove_with(FakePrivateCa(ARN, ca), ca)
    certificate.verify_directly_issued_by(ca.certificate)
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == CODE


def test_it_asks_for_a_day_and_an_end_entity() -> None:
    """The end-entity template, a day's validity, and a token so that a repeated call issues nothing twice."""
    ca = make_ca("ec-p384")
    fake = FakePrivateCa(ARN, ca)
    prove_with(fake, ca)
    (asked,) = fake.issued
    assert asked["TemplateArn"] == "arn:aws:acm-pca:::template/EndEntityCertificate/V1"
    assert asked["SigningAlgorithm"] == "SHA384WITHECDSA"
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert asked["Validity"]["Type"] == "ABSOLUTE"
    assert abs(asked["Validity"]["Value"] - tomorrow.timestamp()) < 60
    assert len(asked["IdempotencyToken"]) == 36


def test_it_never_outlives_the_ca() -> None:
    """A private CA refuses to issue beyond its own end."""
    ca = make_ca("ec-p256", not_after=dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(hours=2))
    assert prove_with(FakePrivateCa(ARN, ca), ca).not_valid_after_utc == ca.certificate.not_valid_after_utc


def test_it_waits_while_the_certificate_is_being_issued() -> None:
    """ "In progress" is asked again."""
    ca = make_ca()
    prove_with(FakePrivateCa(ARN, ca, pending=5), ca)


def test_it_gives_up_before_the_deadline() -> None:
    """A certificate that never comes is a sentence, after a bounded number of tries."""
    ca = make_ca()
    with pytest.raises(causes.IssuanceError, match=r"did not issue .* within 60 tries"):
        prove_with(FakePrivateCa(ARN, ca, pending=1000), ca)


@pytest.mark.parametrize(
    "status", ["CREATING", "PENDING_CERTIFICATE", "DISABLED", "EXPIRED", "DELETED", "FAILED"]
)
def test_an_authority_that_is_not_active_is_refused(status: str) -> None:
    """Only an ACTIVE private CA issues; nothing is asked of another."""
    ca = make_ca()
    fake = FakePrivateCa(ARN, ca, status=status)
    with pytest.raises(causes.AuthorityNotActiveError, match=f"{ARN} is {status}"):
        prove_with(fake, ca)
    assert fake.issued == []


def test_an_authority_that_is_not_the_plans_ca_is_refused() -> None:
    """Compared by certificate, before anything is issued: also another CA of the same name and key."""
    ca = make_ca()
    for other in (make_ca(common_name="Someone else"), make_ca(not_after=ca.certificate.not_valid_after_utc)):
        fake = FakePrivateCa(ARN, other)
        if other.certificate == ca.certificate:
            continue
        with pytest.raises(causes.NotThePlansCaError, match="get-certificate-authority-certificate"):
            prove_with(fake, ca)
        assert fake.issued == []


def test_a_certificate_of_another_signer_is_refused() -> None:
    """What comes back is checked before AWS IoT is asked."""
    ca = make_ca()
    fake = FakePrivateCa(ARN, ca)
    fake.signs_with = make_ca(key_name="another key")
    with pytest.raises(causes.IssuanceError, match="not signed by the CA"):
        prove_with(fake, ca)


BAD_ANSWERS: dict[str, tuple[str, type[PossessionError], str]] = {
    "ResourceNotFoundException": (
        "DescribeCertificateAuthority",
        causes.NotFoundError,
        "there is no private CA",
    ),
    "AccessDeniedException": ("IssueCertificate", causes.AccessDeniedError, "AWS RAM"),
    "RequestFailedException": ("GetCertificate", causes.IssuanceError, "failed to issue"),
    "InvalidStateException": ("IssueCertificate", causes.AuthorityNotActiveError, "present state"),
    "LimitExceededException": ("IssueCertificate", causes.KeyServiceError, "LimitExceededException"),
}


@pytest.mark.parametrize("code", BAD_ANSWERS)
def test_a_refusal_is_a_sentence(code: str) -> None:
    """Each refusal of AWS Private CA has a cause of its own and names the private CA."""
    operation, cause, says = BAD_ANSWERS[code]
    ca = make_ca()
    fake = FakePrivateCa(ARN, ca)
    fake.refusals[operation] = Refusal(code, "no")
    with pytest.raises(cause, match=says) as caught:
        prove_with(fake, ca)
    assert ARN in str(caught.value)


def test_a_denied_wait_is_a_denial() -> None:
    """The waiter's own failure keeps AWS's reason."""
    ca = make_ca()
    fake = FakePrivateCa(ARN, ca)
    fake.refusals["GetCertificate"] = Refusal("AccessDeniedException", "no")
    with pytest.raises(causes.AccessDeniedError):
        prove_with(fake, ca)


def test_the_fake_checks_parameters_against_botocores_model() -> None:
    """A wrong parameter would not pass unseen."""
    client = client_of(FakePrivateCa(ARN, make_ca()))
    with pytest.raises(ParamValidationError):
        client.issue_certificate(CertificateAuthorityArn=ARN, Csr=b"x", Validity={"Type": "DAYS"})
