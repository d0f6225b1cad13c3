"""The check of a fleet against its plan, over real HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fakes.fleet_aws import FakeAws, World
from fleets import (
    ACCOUNTS,
    OWN_ACCOUNT,
    add_registration,
    certificate_id,
    deployed,
    live,
    record,
    soon,
    three_stages,
    write_assembly,
)
from iot_multiaccount_ca.fleet.access import Access, NoCredentialsError
from iot_multiaccount_ca.fleet.planned import read_planned
from iot_multiaccount_ca.fleet.verify import FleetResult, StageResult, StageState, verify_fleet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_multiaccount_ca.fleet.compare import Difference
    from iot_multiaccount_ca.model.assembly import RegistrationRecord


@pytest.fixture(autouse=True)
def _own_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", OWN_ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class Fleet:
    """Records, the world they are deployed in, and a check of the one against the other."""

    def __init__(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: list[RegistrationRecord]
    ) -> None:
        self.records, self.world = records, deployed(records)
        self._tmp_path, self._monkeypatch = tmp_path, monkeypatch

    def check(self, *, lookup_role: bool = True, concurrency: int = 4, **access: str) -> FleetResult:
        """Verify the fleet."""
        assembly = write_assembly(self._tmp_path / "cdk.out", self.records, lookup_role=lookup_role)
        with FakeAws(self.world) as url:
            self._monkeypatch.setenv("AWS_ENDPOINT_URL", url)
            entered = Access(**access)  # type: ignore[arg-type]
            try:
                return verify_fleet(read_planned(assembly), entered, concurrency=concurrency)
            finally:
                entered.close()

    def result(self) -> StageResult:
        """The result of the only registration."""
        (result,) = self.check().results
        return result

    def difference(self) -> Difference:
        """The only difference of the only registration."""
        result = self.result()
        assert result.state is StageState.DIFFERENT
        (difference,) = result.differences
        return difference


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Three stages in three accounts, deployed as planned."""
    return Fleet(tmp_path, monkeypatch, three_stages())  # type: ignore[return-value]


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """One stage, deployed as planned."""
    return Fleet(tmp_path, monkeypatch, [record()])


def test_a_fleet_as_planned_has_no_differences(fleet: Fleet) -> None:
    """What is deployed as planned is as planned, in every account, and the exit code says so."""
    checked = fleet.check()
    assert [result.state for result in checked.results] == [StageState.AS_PLANNED] * 3
    assert checked.exit_code == 0


def test_each_stage_is_read_in_its_own_account_and_region(fleet: Fleet) -> None:
    """Threads share clients, and never each other's credentials."""
    fleet.check()
    read = {call.rpartition("/")[0] for call in fleet.world.calls if not call.endswith("AssumeRole")}
    assert read == {f"{account}/eu-west-1" for account in ACCOUNTS} | {
        f"{account}/us-east-1" for account in ACCOUNTS
    }


def test_the_endpoint_that_devices_must_send_as_sni_is_told(fleet: Fleet) -> None:
    """Every stage has an endpoint of its own."""
    endpoints = [result.endpoint for result in fleet.check().results]
    assert endpoints == [f"a{account}-ats.iot.eu-west-1.amazonaws.com" for account in ACCOUNTS]


def test_results_come_in_the_order_of_the_plan(fleet: Fleet) -> None:
    """Whoever answers first, the rows stand as planned."""
    names = [result.planned.record.stage for result in fleet.check(concurrency=3).results]
    assert names == ["dev", "staging", "prod"]


def test_a_deactivated_ca_is_a_difference_with_the_call_that_mends_it(one: Fleet) -> None:
    """`cdk deploy` repairs no drift; the fix is a call of AWS IoT that does."""
    live(one.world, one.records[0])["certificateDescription"]["status"] = "INACTIVE"
    difference = one.difference()
    assert (difference.field, difference.planned, difference.live) == ("status", "ACTIVE", "INACTIVE")
    assert "update-ca-certificate" in difference.fix
    assert "--new-status ACTIVE" in difference.fix
    assert certificate_id() in difference.fix


def test_auto_registration_that_is_off_is_a_difference(one: Fleet) -> None:
    """Without it no new device enrols."""
    live(one.world, one.records[0])["certificateDescription"]["autoRegistrationStatus"] = "DISABLE"
    assert one.difference().field == "autoRegistration"


def test_another_mode_of_ones_own_registration_is_fixed_with_allow_mode_change(one: Fleet) -> None:
    """AWS has no call to change a mode."""
    live(one.world, one.records[0])["certificateDescription"]["certificateMode"] = "DEFAULT"
    difference = one.difference()
    assert (difference.field, difference.planned, difference.live) == (
        "certificateMode",
        "SNI_ONLY",
        "DEFAULT",
    )
    assert "allow_mode_change=True" in difference.fix


def test_a_foreign_registration_is_told_by_its_missing_tags(one: Fleet) -> None:
    """A CA that somebody registered by hand in another mode: both are said, and the fix is not allow_mode_change."""
    live(one.world, one.records[0])["certificateDescription"]["certificateMode"] = "DEFAULT"
    one.world.cas[f"{OWN_ACCOUNT}/eu-west-1/{certificate_id()}"]["tags"] = {}
    mode, owner = one.result().differences
    assert (mode.field, owner.field) == ("certificateMode", "owner")
    assert "not registered by this stack" in mode.fix
    assert owner.live is None


def test_another_stacks_registration_names_that_stack(one: Fleet) -> None:
    """The ownership tags say whose it is."""
    tags = one.world.cas[f"{OWN_ACCOUNT}/eu-west-1/{certificate_id()}"]["tags"]
    tags["iot-multiaccount-ca:stack-id"] = f"arn:aws:cloudformation:eu-west-1:{OWN_ACCOUNT}:stack/Other/1-2"
    difference = one.difference()
    assert (difference.field, difference.live) == ("owner", "Other/Ca0123")


def test_a_renamed_construct_is_told_from_another_stack(one: Fleet) -> None:
    """Same stack, other logical id: the fix is override_logical_id."""
    one.world.cas[f"{OWN_ACCOUNT}/eu-west-1/{certificate_id()}"]["tags"]["iot-multiaccount-ca:logical-id"] = (
        "CaOld"
    )
    assert "override_logical_id" in one.difference().fix


def test_tags_are_read_to_the_last_page(one: Fleet) -> None:
    """The ownership tags may stand on any page."""
    tags = one.world.cas[f"{OWN_ACCOUNT}/eu-west-1/{certificate_id()}"]["tags"]
    result = one.result()
    assert result.state is StageState.AS_PLANNED
    assert result.live is not None
    assert result.live.tags == tags


def test_a_stage_that_is_not_deployed_says_so(one: Fleet) -> None:
    """No stack, no CA: the fix is cdk deploy."""
    one.world.cas.clear()
    one.world.stack_resources.clear()
    difference = one.difference()
    assert (difference.field, difference.live) == ("registered", "not deployed")
    assert difference.fix == "deploy it with `cdk deploy FleetCa-dev`"


def test_a_ca_that_was_deleted_behind_the_stacks_back_is_told_from_one_never_deployed(one: Fleet) -> None:
    """The stack believes that it is there, so that a plain cdk deploy does nothing."""
    one.world.cas.clear()
    difference = one.difference()
    assert difference.live == "deleted outside the stack"
    assert "deploy a change" in difference.fix


def test_a_missing_ca_is_told_where_the_stack_may_not_be_read(one: Fleet) -> None:
    """A role without CloudFormation rights still learns that the CA is not registered."""
    one.world.cas.clear()
    one.world.faults[f"{OWN_ACCOUNT}/DescribeStackResource"] = [(403, "AccessDenied")]
    assert one.difference().live == "not registered"


def test_a_ca_under_an_id_that_was_not_foreseen_is_found_through_the_stack(one: Fleet) -> None:
    """That AWS's id is the hash of the certificate is nowhere promised for CAs."""
    here = f"{OWN_ACCOUNT}/eu-west-1"
    held = one.world.cas.pop(f"{here}/{certificate_id()}")
    other = "ab" * 32
    held["describe"]["certificateDescription"].update(
        certificateId=other, certificateArn=f"arn:aws:iot:eu-west-1:{OWN_ACCOUNT}:cacert/{other}"
    )
    one.world.cas[f"{here}/{other}"] = held
    one.world.stack_resources[f"{here}/FleetCa-dev"]["PhysicalResourceId"] = other
    result = one.result()
    assert result.state is StageState.AS_PLANNED
    assert result.live is not None
    assert result.live.certificate_id == other


def test_another_certificate_under_the_id_is_a_difference(one: Fleet) -> None:
    """What is registered is compared by its own bytes."""
    add_registration(one.world, one.records[0], number=1)
    difference = one.difference()
    assert (difference.field, difference.live) == ("certificateId", certificate_id(1))


def test_a_template_that_the_ca_does_not_use_is_a_difference(one: Fleet) -> None:
    """The template exists, and is not the CA's: devices stay PENDING_ACTIVATION."""
    live(one.world, one.records[0])["registrationConfig"] = {}
    difference = one.difference()
    assert (difference.field, difference.live) == ("templateName", None)
    assert "templateName=FleetCa-dev-0123abcd" in difference.fix


def test_a_template_body_in_place_of_the_named_template_is_a_difference(one: Fleet) -> None:
    """Somebody set a body of the CA's own."""
    live(one.world, one.records[0])["registrationConfig"] = {
        "templateBody": "{}",
        "roleArn": "arn:aws:iam::1:role/x",
    }
    assert one.difference().live == "a template body of its own"


def test_a_removed_template_is_a_difference(one: Fleet) -> None:
    """The CA still names it."""
    one.world.templates.clear()
    difference = one.difference()
    assert (difference.field, difference.live) == ("template", None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"enabled": False}, "templateEnabled"),
        ({"type": "FLEET_PROVISIONING"}, "templateType"),
        ({"provisioningRoleArn": f"arn:aws:iam::{OWN_ACCOUNT}:role/gone"}, "templateRole"),
        ({"templateBody": "{}"}, "templateBody"),
    ],
)
def test_a_template_that_was_changed_by_hand_is_a_difference(
    one: Fleet, change: dict[str, object], field: str
) -> None:
    """Enabled, type, role and body are each compared."""
    one.world.templates[f"{OWN_ACCOUNT}/eu-west-1/FleetCa-dev-0123abcd"].update(change)
    assert one.difference().field == field


def test_a_template_that_is_only_written_otherwise_is_the_same(one: Fleet) -> None:
    """Bodies are compared as JSON."""
    held = one.world.templates[f"{OWN_ACCOUNT}/eu-west-1/FleetCa-dev-0123abcd"]
    held["templateBody"] = held["templateBody"].replace(" ", "\n\n ")
    assert one.result().state is StageState.AS_PLANNED


def test_a_role_that_iam_will_not_tell_of_is_no_difference(one: Fleet) -> None:
    """Not to know is not to differ."""
    one.world.faults[f"{OWN_ACCOUNT}/GetRole"] = [(403, "AccessDenied")]
    result = one.result()
    assert result.state is StageState.AS_PLANNED
    assert result.template is not None
    assert result.template.role_exists is None


def test_an_expired_ca_is_a_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS IoT registers no device under it."""
    fleet = Fleet(tmp_path, monkeypatch, [record(not_valid_after=soon(-3))])
    assert fleet.difference().field == "notValidAfter"


def test_a_ca_that_expires_soon_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 90 days, and the exit code stays 0."""
    checked = Fleet(tmp_path, monkeypatch, [record(not_valid_after=soon(30))]).check()
    assert "begin its rotation" in checked.results[0].warnings[0]
    assert checked.exit_code == 0


def test_a_missing_role_is_a_row_and_not_the_end(fleet: Fleet) -> None:
    """One account that cannot be entered leaves the others checked; the exit code is 2."""
    fleet.world.roles.discard(
        "arn:aws:iam::222222222222:role/cdk-hnb659fds-lookup-role-222222222222-eu-west-1"
    )
    checked = fleet.check()
    assert [result.state for result in checked.results] == [
        StageState.AS_PLANNED,
        StageState.UNCHECKED,
        StageState.AS_PLANNED,
    ]
    problem = checked.results[1].problem
    assert problem is not None
    assert "cdk bootstrap aws://222222222222/eu-west-1" in problem
    assert checked.exit_code == 2


def test_ones_own_credentials_serve_in_ones_own_account(one: Fleet) -> None:
    """As the CDK CLI does where the lookup role is missing."""
    one.world.roles.discard(
        f"arn:aws:iam::{OWN_ACCOUNT}:role/cdk-hnb659fds-lookup-role-{OWN_ACCOUNT}-eu-west-1"
    )
    result = one.result()
    assert result.state is StageState.AS_PLANNED
    assert result.checked_as == f"arn:aws:iam::{OWN_ACCOUNT}:user/me"


def test_a_role_that_was_asked_for_by_name_is_not_replaced_by_ones_own_credentials(one: Fleet) -> None:
    """Who names a role wants to know whether it works."""
    (result,) = one.check(role_name="Reader").results
    assert result.state is StageState.UNCHECKED


def test_a_role_name_is_filled_with_account_and_region(one: Fleet) -> None:
    """One option for all accounts."""
    one.world.roles.add(f"arn:aws:iam::{OWN_ACCOUNT}:role/reader-{OWN_ACCOUNT}-eu-west-1")
    (result,) = one.check(role_name="reader-{account}-{region}").results
    assert result.checked_as == f"arn:aws:iam::{OWN_ACCOUNT}:role/reader-{OWN_ACCOUNT}-eu-west-1"


def test_a_qualifier_names_another_bootstraps_role(one: Fleet) -> None:
    """For assemblies that name no lookup role."""
    role = f"arn:aws:iam::{OWN_ACCOUNT}:role/cdk-fleet-lookup-role-{OWN_ACCOUNT}-eu-west-1"
    one.world.roles.add(role)
    (result,) = one.check(qualifier="fleet").results
    assert result.checked_as == role


def test_an_assembly_without_a_lookup_role_gets_the_usual_one(one: Fleet) -> None:
    """Of the standard bootstrap."""
    (result,) = one.check(lookup_role=False).results
    assert (
        result.checked_as
        == f"arn:aws:iam::{OWN_ACCOUNT}:role/cdk-hnb659fds-lookup-role-{OWN_ACCOUNT}-eu-west-1"
    )


def test_a_denied_call_is_named_with_the_role_that_lacks_it(one: Fleet) -> None:
    """The fix says what to allow, and to whom."""
    one.world.faults[f"{OWN_ACCOUNT}/ListTagsForResource"] = [(403, "AccessDeniedException")]
    result = one.result()
    assert result.state is StageState.UNCHECKED
    assert result.problem is not None
    assert "allow iot:ListTagsForResource to arn:aws:iam::111111111111:role/cdk-" in result.problem


def test_throttling_is_retried(one: Fleet) -> None:
    """Two refusals are no finding."""
    one.world.faults[f"{OWN_ACCOUNT}/DescribeCACertificate"] = [(429, "ThrottlingException")] * 2
    assert one.result().state is StageState.AS_PLANNED


def test_an_endpoint_that_is_not_told_is_a_warning(one: Fleet) -> None:
    """The registration is checked all the same."""
    one.world.faults[f"{OWN_ACCOUNT}/DescribeEndpoint"] = [(403, "AccessDeniedException")]
    result = one.result()
    assert result.state is StageState.AS_PLANNED
    assert result.endpoint is None
    assert "endpoint unknown" in result.warnings[0]


def test_nonsense_from_one_account_is_a_row(fleet: Fleet) -> None:
    """An answer that lacks what every answer has does not end the check of the others."""
    live(fleet.world, fleet.records[0]).clear()
    states = [result.state for result in fleet.check().results]
    assert states == [StageState.UNCHECKED, StageState.AS_PLANNED, StageState.AS_PLANNED]


def test_a_retiring_ca_is_checked_beside_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two registrations, one account: entered once, its endpoint and template asked once."""
    old = record(certificate_id=certificate_id(1), logical_id="CaOld", active=False, retiring=True)
    fleet = Fleet(tmp_path, monkeypatch, [record()])
    fleet.records.append(old)
    add_registration(fleet.world, old, number=1)
    checked = fleet.check()
    assert [result.state for result in checked.results] == [StageState.AS_PLANNED] * 2
    actions = [call.rpartition("/")[2] for call in fleet.world.calls]
    assert {action: actions.count(action) for action in set(actions)} == {
        "AssumeRole": 1,
        "DescribeCACertificate": 2,
        "ListTagsForResource": 4,  # two pages each
        "DescribeProvisioningTemplate": 1,
        "GetRole": 1,
        "DescribeEndpoint": 1,
    }


def test_one_region_makes_one_client_however_many_accounts(fleet: Fleet) -> None:
    """Making a client costs more than a call; it is shared, and signs with the thread's credentials."""
    assembly = write_assembly(fleet._tmp_path / "cdk.out", fleet.records)
    with FakeAws(fleet.world) as url:
        fleet._monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        access = Access()
        verify_fleet(read_planned(assembly), access, concurrency=3)
        services = sorted(service for _, service, _ in access._clients)
        access.close()
    assert services == ["iam", "iot", "sts"]


def test_no_credentials_are_told_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, not a row for every stage."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(NoCredentialsError, match="sign in, set AWS_PROFILE, or give --profile"):
        Access()


def test_a_profile_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sentence of this tool's."""
    with pytest.raises(NoCredentialsError, match="nowhere"):
        Access(profile="nowhere")


def test_ctrl_c_keeps_what_is_known(fleet: Fleet) -> None:
    """The rest is not checked, and says so; nobody waits for a call under way."""
    assembly = write_assembly(fleet._tmp_path / "cdk.out", fleet.records)
    server = FakeAws(fleet.world)
    server.hang.add("333333333333/DescribeCACertificate")

    def interrupt(_: int, seen: list[int] = []) -> None:  # noqa: B006 - counts the calls
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with server as url:
        fleet._monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        checked = verify_fleet(read_planned(assembly), Access(), concurrency=3, on_done=interrupt)
    assert checked.interrupted
    assert [result.state for result in checked.results[:2]] == [StageState.AS_PLANNED] * 2
    assert checked.results[2].problem == "interrupted before it was checked; fix: run the check again"
    assert checked.exit_code == 2


def test_the_world_of_the_tests_is_what_is_asked(one: Fleet) -> None:
    """A guard of the tests: an empty world is full of differences."""
    one.world.__dict__.update(World(roles=one.world.roles).__dict__)
    assert one.result().state is StageState.DIFFERENT
