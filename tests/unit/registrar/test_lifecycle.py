"""Rules of the registration's life: what each event does to the live state, and what it costs in calls."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ca_registrar import ownership
from ca_registrar.errors import RegistrarError
from ca_registrar.lifecycle import run
from iot_multiaccount_ca.model.ca.certificate import CertificateMode
from iot_multiaccount_ca.model.options import OnExisting
from support import plans
from support.certificates import make_ca, make_verification_certificate, registration_code
from support.fakes.aws_iot import SECOND_DEFAULT_ERRORS, AwsIot, FakeIot
from support.fakes.cloudformation import Clock
from support.fakes.stacks import FakeStacks
from support.fakes.wire import FakeClients, Refusal
from support.scenes import properties

STACK = "arn:aws:cloudformation:eu-west-1:111111111111:stack/FleetCa-dev/00000000-0000-0000-0000-000000000000"
CA = plans.ca().certificate_id


def _properties(**changes: Any) -> dict[str, Any]:
    """What the construct writes: the other side of the contract, not a copy of it."""
    return properties("Fleet CA", **changes)


CODE = registration_code("111111111111/eu-west-1/0")
DEFAULT: dict[str, Any] = {
    "mode": CertificateMode.DEFAULT,
    "verification": {
        "Type": "PRE_ISSUED",
        "CertificatePem": make_verification_certificate(make_ca("ec-p256", common_name="Fleet CA"), CODE),
        "RegistrationCode": CODE,
    },
}


def _iot() -> FakeIot:
    """AWS IoT where the stack is."""
    return AwsIot().at("111111111111")


def _run(
    iot: FakeIot, kind: str, properties: dict[str, Any], *, stacks: FakeStacks | None = None, **more: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    event = {
        "RequestType": kind,
        "RequestId": "r",
        "StackId": STACK,
        "LogicalResourceId": "Ca",
        "ResourceProperties": properties,
        **more,
    }
    progress = {"PhysicalResourceId": str(more.get("PhysicalResourceId", ""))}
    iot.calls.clear()
    clients = FakeClients(iot, stacks or FakeStacks({STACK: f"{kind.upper()}_IN_PROGRESS"}))
    return run(event, None, progress, clients=clients, clock=Clock()), progress  # type: ignore[arg-type]


def _created(iot: FakeIot, **changes: Any) -> dict[str, Any]:
    properties = _properties(**changes)
    _run(iot, "Create", properties)
    return properties


def _update(iot: FakeIot, old: dict[str, Any], physical_id: str = CA, **changes: Any) -> str:
    outcome, _ = _run(
        iot, "Update", _properties(**changes), PhysicalResourceId=physical_id, OldResourceProperties=old
    )
    return str(outcome["PhysicalResourceId"])


def _roll_back(iot: FakeIot, failed: dict[str, Any], old: dict[str, Any], physical_id: str = CA) -> None:
    """The Update back, while the stack says that it rolls back."""
    rolling_back = FakeStacks({STACK: "UPDATE_ROLLBACK_IN_PROGRESS"})
    _run(
        iot,
        "Update",
        old,
        stacks=rolling_back,
        PhysicalResourceId=physical_id,
        OldResourceProperties=failed,
    )


def _delete(iot: FakeIot, properties: dict[str, Any], physical_id: str = CA) -> None:
    _run(iot, "Delete", properties, PhysicalResourceId=physical_id)


def test_an_sni_only_create_is_one_call() -> None:
    """Mode, status, template and tags in one RegisterCACertificate."""
    iot = _iot()
    outcome, _ = _run(iot, "Create", _properties())
    assert iot.calls == ["RegisterCACertificate"]
    assert outcome["PhysicalResourceId"] == CA
    assert outcome["Data"]["CertificateMode"] == "SNI_ONLY"
    assert iot.cas[CA]["tags"] == {ownership.STACK_ID: STACK, ownership.LOGICAL_ID: "Ca"}
    assert iot.cas[CA]["config"] == {"templateName": "fleet"}


def test_a_default_create_is_two_calls() -> None:
    """The registration code and the registration; the proof between them."""
    iot = _iot()
    _created(iot, **DEFAULT)
    assert iot.calls == ["GetRegistrationCode", "RegisterCACertificate"]


def test_an_update_without_difference_writes_nothing() -> None:
    """The live state is what counts."""
    iot = _iot()
    old = _created(iot)
    _update(iot, old)
    assert iot.writes == []


def test_an_update_changes_what_differs_in_one_call() -> None:
    """Status, auto-registration and template are one UpdateCACertificate."""
    iot = _iot()
    old = _created(iot)
    _update(iot, old, active=False, template_name="other")
    assert iot.writes == ["UpdateCACertificate"]
    assert (iot.cas[CA]["status"], iot.cas[CA]["config"]) == ("INACTIVE", {"templateName": "other"})


def test_a_template_that_goes_is_taken_off_and_auto_registration_kept() -> None:
    """JITR wants auto-registration without a template."""
    iot = _iot()
    old = _created(iot)
    _update(iot, old, template_name=None, auto_registration=True)
    assert (iot.cas[CA]["auto"], iot.cas[CA]["config"]) == ("ENABLE", None)


def test_only_tags_that_we_set_are_taken_off() -> None:
    """A tag of somebody else's stays."""
    iot = _iot()
    old = {**_properties(), "Tags": [{"Key": "team", "Value": "a"}]}
    _run(iot, "Create", old)
    iot.cas[CA]["tags"]["theirs"] = "x"
    _update(iot, old)
    assert "team" not in iot.cas[CA]["tags"]
    assert iot.cas[CA]["tags"]["theirs"] == "x"


def test_an_update_that_finds_nothing_registers() -> None:
    """Somebody removed it by hand: it is registered again."""
    iot = _iot()
    old = _created(iot)
    iot.cas.clear()
    assert _update(iot, old) == CA
    assert CA in iot.cas


def test_a_delete_is_two_writes() -> None:
    """Deactivated, then deregistered."""
    iot = _iot()
    properties = _created(iot)
    _delete(iot, properties)
    assert iot.writes == ["UpdateCACertificate", "DeleteCACertificate"]
    assert iot.cas == {}


def test_gone_already_is_success() -> None:
    """A Delete of what is not there."""
    _delete(_iot(), _properties())


@pytest.mark.parametrize("tags", [{}, {ownership.STACK_ID: STACK, ownership.LOGICAL_ID: "Other"}])
def test_a_foreign_registration_survives_our_delete(tags: dict[str, str]) -> None:
    """Untagged, or another resource's: nothing is written."""
    iot = _iot()
    properties = _created(iot)
    iot.cas[CA]["tags"] = tags
    _delete(iot, properties)
    assert iot.writes == []


def test_a_delete_with_a_made_up_id_finds_ours_by_the_certificate() -> None:
    """A Create whose answer was lost leaves no orphan."""
    iot = _iot()
    properties = _created(iot)
    _delete(iot, properties, physical_id="FleetCa-dev-Ca-1ABC")
    assert iot.cas == {}


def test_a_delete_of_an_old_ca_never_touches_the_new_one() -> None:
    """The physical id counts, whatever certificate stands in the properties."""
    iot = _iot()
    properties = _created(iot)
    _delete(iot, properties, physical_id="0" * 64)
    assert CA in iot.cas


def test_a_create_whose_answer_was_lost_is_continued() -> None:
    """The retry finds our own tags."""
    iot = _iot()
    properties = _created(iot)
    outcome, _ = _run(iot, "Create", properties)
    assert outcome["PhysicalResourceId"] == CA


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        ({}, "by no stack of this library"),
        ({ownership.STACK_ID: STACK.replace("dev", "old"), ownership.LOGICAL_ID: "X"}, "FleetCa-old"),
    ],
)
def test_a_ca_that_is_registered_already_fails_and_says_by_whom(tags: dict[str, str], word: str) -> None:
    """FAIL is the default, and nothing is changed."""
    iot = _iot()
    _created(iot)
    iot.cas[CA]["tags"] = tags
    with pytest.raises(RegistrarError, match=word) as caught:
        _run(iot, "Create", _properties())
    assert iot.writes == ["RegisterCACertificate"]
    for part in (CA, "111111111111", "eu-west-1", "ADOPT"):
        assert part in caught.value.sentence


def test_a_rename_is_refused_with_the_fix() -> None:
    """Same stack, other logical id."""
    iot = _iot()
    _created(iot)
    iot.cas[CA]["tags"][ownership.LOGICAL_ID] = "Older"
    with pytest.raises(RegistrarError, match=r'override_logical_id\("Older"\)'):
        _run(iot, "Create", _properties())


def test_adopt_takes_over_and_gives_back() -> None:
    """Settings are applied; on Delete our template and tags go, and the CA stays registered."""
    iot = _iot()
    _created(iot, template_name=None, auto_registration=False)
    iot.cas[CA]["tags"] = {"theirs": "x"}
    properties = _created(iot, on_existing=OnExisting.ADOPT)
    assert iot.cas[CA]["config"] == {"templateName": "fleet"}
    _delete(iot, properties)
    assert iot.cas[CA]["tags"] == {"theirs": "x"}
    assert iot.cas[CA]["config"] is None


def test_adopt_refuses_another_mode() -> None:
    """A registration is taken over as it stands."""
    iot = _iot()
    _created(iot)
    iot.cas[CA]["tags"] = {}
    with pytest.raises(RegistrarError, match="SNI_ONLY"):
        _run(iot, "Create", _properties(on_existing=OnExisting.ADOPT, **DEFAULT))
    assert iot.cas[CA]["tags"] == {}


def test_a_mode_change_is_refused_unless_allowed() -> None:
    """All is left as it was, and the message names the property."""
    iot = _iot()
    old = _created(iot)
    with pytest.raises(RegistrarError, match="allow_mode_change=True"):
        _update(iot, old, **DEFAULT)
    assert iot.writes == []


def test_a_mode_change_makes_no_call_between_delete_and_register() -> None:
    """Everything that can fail comes first; tags of others are kept."""
    iot = _iot()
    old = _created(iot)
    iot.cas[CA]["tags"]["theirs"] = "x"
    _update(iot, old, allow_mode_change=True, **DEFAULT)
    assert iot.calls[-2:] == ["DeleteCACertificate", "RegisterCACertificate"]
    assert iot.cas[CA]["mode"] == "DEFAULT"
    assert iot.cas[CA]["tags"]["theirs"] == "x"


def test_a_mode_change_that_fails_is_put_back() -> None:
    """An SNI_ONLY registration needs no proof, so devices need not wait for the roll-back."""
    iot = _iot()
    old = _created(iot)
    before = dict(iot.cas[CA])
    iot.fail("RegisterCACertificate", Refusal("CertificateValidationException"))
    with pytest.raises(RegistrarError, match="as before"):
        _update(iot, old, allow_mode_change=True, **DEFAULT)
    assert iot.cas[CA] == before


def test_a_roll_back_may_change_the_mode_back() -> None:
    """The permission stands in the properties that are rolled back."""
    iot = _iot()
    old = _created(iot)
    _update(iot, old, allow_mode_change=True, **DEFAULT)
    _roll_back(iot, _properties(allow_mode_change=True, **DEFAULT), old)
    assert iot.cas[CA]["mode"] == "SNI_ONLY"


def test_a_permission_that_goes_with_the_mode_does_not_count() -> None:
    """The former properties allow it, and the stack says that it goes forward: refused, and nothing written."""
    iot = _iot()
    _created(iot, allow_mode_change=True, **DEFAULT)
    with pytest.raises(RegistrarError, match="allow_mode_change=True"):
        _update(iot, _properties(allow_mode_change=True, **DEFAULT))
    assert iot.writes == []


def test_a_mode_change_whose_roll_back_could_not_ask_the_stack_is_refused() -> None:
    """It asks what its roll-back would ask under the same role: refused before anything is written."""
    iot = _iot()
    old = _created(iot)
    nobody = FakeStacks()
    nobody.answer = _denied  # type: ignore[method-assign]
    with pytest.raises(RegistrarError, match="cloudformation:DescribeStacks on its own stack"):
        _run(
            iot,
            "Update",
            _properties(allow_mode_change=True, **DEFAULT),
            stacks=nobody,
            PhysicalResourceId=CA,
            OldResourceProperties=old,
        )
    assert iot.writes == []


def _denied(operation: str, parameters: Any) -> Any:
    raise Refusal("AccessDenied", f"not authorized to perform cloudformation:{operation}", 403)


def test_tags_that_aws_does_not_take_stop_a_mode_change_before_it_begins() -> None:
    """They are put on what is registered still; the sentence is about tags, and blames no other account."""
    iot = _iot()
    old = _created(iot)
    before = copy.deepcopy(iot.cas[CA])
    iot.fail("TagResource", Refusal("InvalidRequestException", "Too many tags."))
    with pytest.raises(RegistrarError, match="does not take its tags") as caught:
        _update(iot, old, allow_mode_change=True, tags={"team": "a"}, **DEFAULT)
    assert "another account" not in caught.value.sentence
    assert "DeleteCACertificate" not in iot.calls
    assert iot.cas[CA] == before


@pytest.mark.parametrize("changes", [{}, {"allow_mode_change": True, **DEFAULT}], ids=["in place", "mode"])
def test_too_many_tags_are_counted_before_the_first_write(changes: dict[str, Any]) -> None:
    """Found, wanted and own; the sentence gives the numbers, and blames no other account."""
    iot = _iot()
    old = _created(iot)
    iot.cas[CA]["tags"] |= {f"theirs {number}": "x" for number in range(40)}
    wanted = {f"ours {number}": "x" for number in range(9)}
    with pytest.raises(RegistrarError, match="51 tags") as caught:
        _update(iot, old, tags=wanted, **changes)
    assert "another account" not in caught.value.sentence
    assert iot.writes == []


def test_too_many_tags_are_not_blamed_on_another_account_by_a_create_either() -> None:
    """AWS IoT is not even asked."""
    with pytest.raises(RegistrarError, match="51 tags"):
        _run(_iot(), "Create", _properties(tags={f"ours {number}": "x" for number in range(49)}, **DEFAULT))


@pytest.mark.parametrize("tags", [{"team": "b"}, {"team": "x"}], ids=["changed", "another's"])
def test_a_roll_back_keeps_other_peoples_tags(tags: dict[str, str]) -> None:
    """A tag that somebody else has is not overwritten: the Update is refused, and its roll-back takes nothing off."""
    iot = _iot()
    old = _created(iot)
    iot.cas[CA]["tags"] |= {"team": "theirs", "theirs": "x"}
    before = copy.deepcopy(iot.cas[CA])
    with pytest.raises(RegistrarError, match="somebody else gave it the tag 'team' with the value 'theirs'"):
        _update(iot, old, tags=tags)
    _roll_back(iot, _properties(tags=tags), old)
    assert iot.cas[CA] == before


def test_a_failed_change_from_default_keeps_the_place_and_other_peoples_tags() -> None:
    """The proof of before is not at hand: it stays registered, INACTIVE, until the roll-back, and keeps its tags."""
    iot = _iot()
    old = _created(iot, **DEFAULT)
    iot.cas[CA]["tags"]["theirs"] = "x"
    before = copy.deepcopy(iot.cas[CA])
    iot.fail("RegisterCACertificate", Refusal("CertificateValidationException"))
    with pytest.raises(RegistrarError, match="INACTIVE in SNI_ONLY mode, until the roll-back"):
        _update(iot, old, allow_mode_change=True)
    assert (iot.cas[CA]["status"], iot.cas[CA]["config"]) == ("INACTIVE", None)
    _roll_back(iot, _properties(allow_mode_change=True), old)
    assert iot.cas[CA] == before


def test_another_account_in_default_mode_is_a_sentence_after_a_minute() -> None:
    """It says so, with the region and what to do; nothing of the other's is changed."""
    iot = _iot()
    other = iot.aws.at("999999999999")
    _created(iot, **DEFAULT)
    other.cas[CA] = iot.cas.pop(CA)
    before = iot.aws.snapshot()
    with pytest.raises(RegistrarError, match="another account holds this CA in DEFAULT mode in eu-west-1"):
        _run(iot, "Create", _properties(**DEFAULT))
    assert iot.calls.count("RegisterCACertificate") > 5
    assert iot.aws.snapshot() == before


def test_a_changed_registration_code_is_fetched_again() -> None:
    """Fetch, sign, register again: once."""
    iot = _iot()
    iot.fail("RegisterCACertificate", Refusal("RegistrationCodeValidationException"))
    _created(iot, **DEFAULT)
    assert iot.calls.count("GetRegistrationCode") == 2


def test_ten_cas_of_one_subject_are_a_sentence() -> None:
    """AWS's limit, and what to do."""
    iot = _iot()
    iot.fail("RegisterCACertificate", Refusal("LimitExceededException"))
    with pytest.raises(RegistrarError, match="at most 10 CAs of one subject"):
        _run(iot, "Create", _properties())


def test_a_fresh_role_is_waited_for() -> None:
    """Access denied for a while is IAM spreading the role."""
    iot = _iot()
    for _ in range(3):
        iot.fail("RegisterCACertificate", Refusal("AccessDeniedException"))
    _created(iot)
    assert CA in iot.cas


def test_another_ca_in_place_is_registered_first_and_the_old_one_left_to_cloudformation() -> None:
    """The new physical id makes CloudFormation delete the old one at the end."""
    iot = _iot()
    old = _created(iot)
    new = plans.ca("New CA")
    assert _update(iot, old, ca_certificate=new) == new.certificate_id
    assert set(iot.cas) == {CA, new.certificate_id}


def test_a_failed_replacement_is_cleared_by_the_roll_back() -> None:
    """What the failed properties registered goes, and the old one stays."""
    iot = _iot()
    old = _created(iot)
    new = plans.ca("New CA")
    _update(iot, old, ca_certificate=new)
    _update(iot, _properties(ca_certificate=new))
    assert set(iot.cas) == {CA}


def test_a_failed_update_keeps_the_old_physical_id() -> None:
    """Whatever was registered on the way: another id would have CloudFormation delete the old registration."""
    iot = _iot()
    old = _created(iot)
    new = plans.ca("New CA")
    progress = {"PhysicalResourceId": CA}
    event = {
        "RequestType": "Update",
        "RequestId": "r",
        "StackId": STACK,
        "LogicalResourceId": "Ca",
        "PhysicalResourceId": CA,
        "ResourceProperties": _properties(ca_certificate=new),
        "OldResourceProperties": old,
    }
    run(event, None, progress, clients=FakeClients(iot), clock=Clock())  # type: ignore[arg-type]
    assert new.certificate_id in iot.cas
    # What the responder answers if time runs out right after this.
    assert progress["PhysicalResourceId"] == CA


def test_a_create_that_dies_after_registering_answers_the_id_that_aws_gave() -> None:
    """Its Delete then finds the registration."""
    _, progress = _run(_iot(), "Create", _properties())
    assert progress["PhysicalResourceId"] == CA


def test_a_registration_of_ours_without_logical_id_is_refused_with_a_sentence() -> None:
    """Somebody took one of the two tags off."""
    iot = _iot()
    _created(iot)
    del iot.cas[CA]["tags"][ownership.LOGICAL_ID]
    with pytest.raises(RegistrarError, match="this stack registered it"):
        _run(iot, "Create", _properties())


def test_a_tag_of_the_users_cannot_take_the_place_of_ours() -> None:
    """The ownership tags are ours alone, whatever the app puts on everything."""
    iot = _iot()
    properties = {**_properties(), "Tags": [{"Key": ownership.STACK_ID, "Value": "mine"}]}
    _run(iot, "Create", properties)
    _run(iot, "Update", properties, PhysicalResourceId=CA, OldResourceProperties=properties)
    assert iot.cas[CA]["tags"][ownership.STACK_ID] == STACK


def test_no_other_account_is_blamed_for_a_registration_that_is_here() -> None:
    """Should AWS give CAs other ids than their digest and name none in its error, the certificate is looked for."""
    iot = _iot()
    _created(iot, **DEFAULT)
    iot.cas["f" * 64] = {**iot.cas.pop(CA), "tags": {}}
    iot.fail_always("RegisterCACertificate", Refusal("ResourceAlreadyExistsException"))
    with pytest.raises(RegistrarError, match="registered already in DEFAULT mode"):
        _run(iot, "Create", _properties(**DEFAULT))


@pytest.mark.parametrize("code", SECOND_DEFAULT_ERRORS)
def test_whatever_error_a_second_owner_gets_is_told(code: str) -> None:
    """Which one AWS answers is not documented: each is quoted, with account and region, and changes nothing."""
    aws = AwsIot(second_default=code)
    _created(aws.at("111111111111"), **DEFAULT)
    other = aws.at("999999999999")
    other.cas[CA] = aws.at("111111111111").cas.pop(CA)
    before = aws.snapshot()
    with pytest.raises(RegistrarError, match=f"{code}|another account holds this CA") as caught:
        _run(aws.at("111111111111"), "Create", _properties(**DEFAULT))
    assert aws.snapshot() == before
    for part in (CA, "111111111111", "eu-west-1"):
        assert part in caught.value.sentence
    if code in (
        "ResourceAlreadyExistsException",
        "InvalidRequestException",
        "CertificateValidationException",
    ):
        assert "another account" in caught.value.sentence


@pytest.mark.parametrize(
    "said", ["Too many tags.", "The provisioning template fleet does not exist.", "Role cannot be assumed"]
)
def test_no_other_account_is_blamed_for_what_is_wrong_with_the_request(said: str) -> None:
    """InvalidRequest may mean a second owner, but not where AWS names something else; and then no minute is waited."""
    iot = _iot()
    iot.fail_always("RegisterCACertificate", Refusal("InvalidRequestException", said))
    with pytest.raises(RegistrarError, match=said) as caught:
        _run(iot, "Create", _properties(**DEFAULT))
    assert "another account" not in caught.value.sentence
    assert iot.writes == ["RegisterCACertificate"]


def test_a_mode_change_meets_somebody_who_was_quicker() -> None:
    """Registered by another in the moment between: no second try, and a sentence."""
    iot = _iot()
    old = _created(iot)
    left = dict(iot.cas[CA])
    gone = Refusal("ResourceNotFoundException", status=404)
    iot.fail("DeleteCACertificate", gone)
    with pytest.raises(RegistrarError, match="somebody registered it in SNI_ONLY mode"):
        _update(iot, old, allow_mode_change=True, **DEFAULT)
    assert iot.cas[CA] == {**left, "status": "INACTIVE"}
