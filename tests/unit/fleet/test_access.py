"""Getting into the accounts of a fleet, and out again whatever they answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.fleet.access import Access, NoCredentialsError
from iot_multiaccount_ca.fleet.planned import read_planned
from iot_multiaccount_ca.fleet.result import StageState
from iot_multiaccount_ca.fleet.verify import verify_fleet
from support.fakes.fleet_aws import FakeAws
from support.fleets import (
    ACCOUNTS,
    OWN_ACCOUNT,
    REGION,
    Fleet,
    add_registration,
    certificate_id,
    live,
    many_stages,
    record,
)

if TYPE_CHECKING:
    from pathlib import Path

    from botocore.credentials import ReadOnlyCredentials


def test_each_stage_is_read_in_its_own_account_and_region(fleet: Fleet) -> None:
    """Threads share clients, and never each other's credentials."""
    fleet.check()
    read = {call.rpartition("/")[0] for call in fleet.world.calls if not call.endswith("AssumeRole")}
    assert read == {f"{account}/eu-west-1" for account in ACCOUNTS} | {
        f"{account}/us-east-1" for account in ACCOUNTS
    }


def test_results_come_in_the_order_of_the_plan(fleet: Fleet) -> None:
    """Whoever answers first, the rows stand as planned."""
    names = [result.planned.record.stage for result in fleet.check(concurrency=3).results]
    assert names == ["dev", "staging", "prod"]


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
    """Two refusals are not findings."""
    one.world.faults[f"{OWN_ACCOUNT}/DescribeCACertificate"] = [(429, "ThrottlingException")] * 2
    assert one.result().state is StageState.AS_PLANNED


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
        "DescribeStackResource": 1,
        "DescribeEndpoint": 1,
    }


def test_one_region_makes_one_client_however_many_accounts(fleet: Fleet) -> None:
    """Making a client costs more than a call; it is shared, and signs with the thread's credentials."""
    assembly = fleet.assembly()
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        access = Access()
        verify_fleet(read_planned(assembly), access, concurrency=3)
        services = sorted(service for _, service, _ in access._clients)
        access.close()
    assert services == ["cloudformation", "iam", "iot", "sts"]


def test_no_credentials_are_told_before_anything_is_asked(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, not a row for every stage."""
    fleet.ask("http://127.0.0.1:9")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(NoCredentialsError, match="sign in, set AWS_PROFILE, or give --profile"):
        Access()


def test_a_profile_that_does_not_exist_is_told(fleet: Fleet) -> None:
    """In a sentence of this tool's."""
    fleet.ask("http://127.0.0.1:9")
    with pytest.raises(NoCredentialsError, match="nowhere"):
        Access(profile="nowhere")


def test_ctrl_c_keeps_what_is_known(fleet: Fleet) -> None:
    """The rest is not checked, and says so; nobody waits for a call under way."""
    assembly = fleet.assembly()
    server = FakeAws(fleet.world)
    server.hang.add("333333333333/DescribeCACertificate")

    def interrupt(_: int, seen: list[int] = []) -> None:  # noqa: B006 - counts the calls
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with server as url:
        fleet.ask(url)
        checked = verify_fleet(read_planned(assembly), Access(), concurrency=3, on_done=interrupt)
    assert checked.interrupted
    assert [result.state for result in checked.results[:2]] == [StageState.AS_PLANNED] * 2
    assert checked.results[2].problem == "interrupted before it was checked; fix: run the check again"
    assert checked.exit_code == 2


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (403, "AccessDenied", "cdk bootstrap aws://222222222222/eu-west-1 --trust-for-lookup 111111111111`"),
        (400, "Throttling", "a smaller --concurrency"),
        (403, "RegionDisabledException", "enable STS in eu-west-1"),
        (403, "InvalidClientTokenId", "see that eu-west-1 is enabled for your own account"),
        (503, "ServiceUnavailable", "fix: try again"),
        (400, "RequestTimeTooSkewed", "credentials and clock are right"),
        (400, "TooManyRequestsException", "a smaller --concurrency"),
    ],
)
def test_the_advice_follows_the_cause(
    status: int, code: str, advice: str, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a role that refuses or is missing is a matter of the bootstrap."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    fleet.records[:] = fleet.records[1:2]
    fleet.world.faults[f"{OWN_ACCOUNT}/AssumeRole"] = [(status, code)] * 5
    (result,) = fleet.check().results
    assert result.state is StageState.UNCHECKED
    assert advice in str(result.problem)
    assert ("bootstrap" in str(result.problem)) == (code == "AccessDenied")


_DENIALS = [
    (
        "with an explicit deny in a service control policy",
        "have the organization's service control policy allow",
    ),
    ("because no service control policy allows the {action} action", "organization's service control policy"),
    ("with an explicit deny in a resource control policy", "organization's resource control policy allow"),
    ("because no permissions boundary allows the {action} action", "have the permissions boundary of"),
    ("with an explicit deny in a session policy", "have the session policy of"),
    ("with an explicit deny in a VPC endpoint policy", "the VPC endpoint policy of the network"),
    ("because no identity-based policy allows the {action} action", "fix: allow {action} to "),
]


@pytest.mark.parametrize(("said", "advice"), _DENIALS)
def test_a_denial_by_another_policy_than_the_roles_is_told_as_that(
    said: str, advice: str, fleet: Fleet
) -> None:
    """Where AWS says which it was: a bootstrap, or another right of the role, would not help."""
    fleet.records[:] = fleet.records[1:2]
    for key, action in (
        (f"{OWN_ACCOUNT}/AssumeRole", "sts:AssumeRole"),
        ("222222222222/DescribeCACertificate", "iot:DescribeCACertificate"),
    ):
        denied = f"User: x is not authorized to perform: {action} on resource: y {said.format(action=action)}"
        fleet.world.faults[key] = [(403, "AccessDenied", denied)]
        (result,) = fleet.check().results
        assert result.state is StageState.UNCHECKED
        assert advice.format(action=action) in str(result.problem)
        assert action in str(result.problem).rpartition("fix: ")[2]
        assert "bootstrap" not in str(result.problem)
        assert "--role-name" not in str(result.problem)


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException"])
def test_credentials_that_expire_in_the_run_end_it_with_one_sentence(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was checked before stays; the rest has one cause, and AWS is not asked on."""
    fleet = Fleet(tmp_path, monkeypatch, many_stages(60))
    fleet.world.expires_after = 5
    fleet.world.expired_code = code
    checked = fleet.check(concurrency=2)
    assert checked.exit_code == 2
    assert checked.count(StageState.AS_PLANNED) >= 3
    (problem,) = checked.problems()
    assert "your AWS credentials have expired" in problem
    # Of 60 roles; how many are on their way when the first answer comes is the machine's affair.
    assert sum("AssumeRole" in call for call in fleet.world.calls) < 40


def test_sts_that_cannot_be_reached_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one for each account, and it is asked in vain no more; a check after that tries again."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    asked: list[str] = []
    assume = Access._assume

    def counted(access: Access, role: str, region: str, external_id: str | None) -> ReadOnlyCredentials:
        asked.append(region)
        return assume(access, role, region, external_id)

    monkeypatch.setattr(Access, "_assume", counted)
    fleet = Fleet(tmp_path, monkeypatch, many_stages(60, [REGION]))
    planned = read_planned(fleet.assembly())
    fleet.ask("http://127.0.0.1:9")
    access = Access()
    checked = verify_fleet(planned, access, concurrency=1)
    (problem,) = checked.problems()
    assert problem.startswith("STS in eu-west-1 cannot be asked (EndpointConnectionError")
    assert checked.count(StageState.UNCHECKED) == 60
    assert len(asked) == 1
    verify_fleet(planned, access, concurrency=1)
    assert len(asked) == 2


@pytest.mark.parametrize(("stages", "told"), [(3, 3), (8, 1)])
def test_a_cause_that_many_accounts_share_is_told_once(
    stages: int, told: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for account and region it is the same; of a few each has a fix of its own to copy."""
    fleet = Fleet(tmp_path, monkeypatch, many_stages(stages))
    fleet.world.roles.clear()
    problems = fleet.check().problems()
    assert len(problems) == told
    assert sum(len(results) for results in problems.values()) == stages
    assert all(("aws://ACCOUNT/REGION" in problem) is (told == 1) for problem in problems)


def test_accounts_that_never_answer_cost_no_more_than_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten of them, all of the threads: the others are checked all the same."""
    fleet = Fleet(tmp_path, monkeypatch, many_stages(30, [REGION]))
    assembly = fleet.assembly()
    server = FakeAws(fleet.world)
    server.hang.update(f"{record.account}/DescribeCACertificate" for record in fleet.records[:10])
    begun = time.monotonic()
    with server as url:
        fleet.ask(url)
        checked = verify_fleet(read_planned(assembly), Access(), concurrency=10, deadline=2.0)
    assert time.monotonic() - begun < 20
    assert [result.state for result in checked.results] == (
        [StageState.UNCHECKED] * 10 + [StageState.AS_PLANNED] * 20
    )
    assert set(checked.problems()) == {
        "no answer within 2 seconds; fix: see that the region is enabled, and try again"
    }


def test_a_tenth_of_all_calls_failing_loses_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries make most good; every stage has a row, in order, and none is a difference."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    fleet = Fleet(tmp_path, monkeypatch, many_stages(60))
    fleet.world.every_tenth_fails = True
    checked = fleet.check(concurrency=8)
    assert [result.planned.record for result in checked.results] == fleet.records
    assert checked.count(StageState.DIFFERENT) == 0
    assert checked.count(StageState.AS_PLANNED) > 50
