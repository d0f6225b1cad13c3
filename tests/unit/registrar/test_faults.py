"""Every event of the life, at every call in it, with every error of that call, lost answers and the Lambda's death.

After each, CloudFormation does what it does: a Delete of the failed Create, an Update back, a Delete again, or Lambda's
second delivery of the same request. Whatever happened: what is registered is as before or as asked, nothing of anyone
else's is touched, and the reason says what happened.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from ca_registrar import ownership
from support.fakes.cloudformation import RESPONSE_URL
from support.fakes.faults import Fault, Kind
from support.figures import FIGURES
from support.scenes import (
    ACCOUNT,
    REGION,
    SCENES,
    Scene,
    Theatre,
    authority,
    in_other_worlds,
    is_as_asked,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fakes.cloudformation import Answer

_REFUSED = (Kind.REFUSED, Kind.REFUSED_FROM_THEN_ON)
_WITHOUT_CA = ("GetRegistrationCode", "RegisterCACertificate", "ListCACertificates")
_LARGEST_ANSWER = 4096
_ROUNDS, _LAST = 2, 8


@functools.cache
def _errors(service: str, operation: str) -> list[str]:
    """What botocore's model lists for the operation, and what any call can get."""
    client = boto3.client(
        service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    model = client.meta.service_model.operation_model(operation)
    return sorted({*(shape.name for shape in model.error_shapes), "AccessDeniedException"})


def _moments(calls: tuple[tuple[str, str], ...]) -> Iterator[int]:
    """Every call; of a round that is made again and again while the Lambda waits, the first two and the last."""
    for index, call in enumerate(calls):
        rounds = calls[:index].count(call)
        if rounds < _ROUNDS or index >= len(calls) - _LAST:
            yield index


def _faults(calls: tuple[tuple[str, str], ...], certificate_id: str, *, every_error: bool) -> Iterator[Fault]:
    for index in _moments(calls):
        service, operation = calls[index]
        for kind in Kind:
            codes = _errors(service, operation) if kind in _REFUSED else [""]
            for code in codes if every_error else codes[:1]:
                # What AWS IoT says it does not find is gone, and a CA that is registered is not to be found otherwise.
                gone = (
                    code == "ResourceNotFoundException" and service == "iot" and operation not in _WITHOUT_CA
                )
                yield Fault(index, kind, code, vanishes=certificate_id if gone else "")


def _without_notes(world: dict[Any, Any]) -> dict[Any, Any]:
    def of_others(tags: dict[str, str]) -> dict[str, str]:
        return {key: value for key, value in tags.items() if key not in ownership.KEYS}

    return {
        place: {key: {**ca, "tags": of_others(ca["tags"])} for key, ca in cas.items()}
        for place, cas in world.items()
    }


def _is_ours_again(theatre: Theatre) -> bool:
    """Whether it carries our tags alone, and is as our own properties say."""
    live, resource = theatre.live(), theatre.resource
    ours = ownership.Owner(resource.stack_id, resource.logical_id)
    held = {key: value for key, value in live["tags"].items() if key in ownership.KEYS}
    return held == ours.tags and resource.properties is not None and is_as_asked(live, resource.properties)


def _removed_meanwhile(theatre: Theatre, scene: Scene, old: dict[Any, Any], new: dict[Any, Any]) -> bool:
    """Whether all is well though somebody removed the CA: it is gone or registered as told, and the rest as ever."""
    here, certificate_id = (ACCOUNT, REGION), theatre.id_of()
    worlds = []
    for world in (theatre.aws.snapshot(), old, new):
        cas = {here: {}, **world}
        worlds.append(({**cas, here: dict(cas[here])}, cas[here].get(certificate_id)))
        worlds[-1][0][here].pop(certificate_id, None)
    (rest, own), *others = worlds
    told = [scene.asked(), *filter(None, [theatre.resource.properties])]
    return any(rest == other for other, _ in others) and (
        own is None or own in [each for _, each in others] or any(is_as_asked(own, each) for each in told)
    )


def _cleared(world: dict[Any, Any]) -> dict[Any, Any]:
    """Without what an earlier Create of ours left behind: the clean-up of the failed one takes that away, too."""
    ours = ownership.STACK_ID
    return {
        place: {key: ca for key, ca in cas.items() if ours not in ca["tags"]} for place, cas in world.items()
    }


def _check_answers(answers: list[Answer], fault: Fault) -> None:
    """Every answer can be read, says where, and gives nothing away."""
    key_lines = authority().key_pem.splitlines()[1:-1]
    for each in answers:
        said = each.log + json.dumps(each.answer)
        assert RESPONSE_URL not in said
        assert not any(line in said for line in key_lines)
        for line in each.log.splitlines():
            assert isinstance(json.loads(line)["decision"], str)
        if each.answer is None or each.succeeded:
            continue
        assert len(json.dumps(each.answer).encode()) <= _LARGEST_ANSWER
        if fault.kind in (Kind.TIME_OUT_BEFORE, Kind.TIME_OUT_AFTER) and each is answers[0]:
            assert "time ran out while" in each.reason
        for part in (ACCOUNT, REGION):
            assert part in each.reason, each.reason
        assert any(ca.certificate_id in each.reason for ca in (authority(), authority("Next CA")))


def _try(theatre: Theatre, scene: Scene, fault: Fault, old: Any, new: Any, *, twice: bool) -> str:
    """One point; what is wrong after it, or nothing."""
    scene.set(theatre)
    succeeded = scene.play(theatre, fault, twice=twice)
    answers = theatre.resource.answers[1 if scene.in_vain else 0 :]
    first = answers[0]
    _check_answers(answers, fault)
    if theatre.resource.stuck is not None and (scene.event == "Delete" or scene.in_vain):
        # DELETE_FAILED, ROLLBACK_FAILED: whoever wants the stack gone or as it was asks for it again.
        succeeded = theatre.resource.stuck()
    if theatre.resource.stuck is not None:
        return "the stack is stuck"
    world = theatre.aws.snapshot()
    if fault.vanishes:
        return "" if _removed_meanwhile(theatre, scene, old, new) else "not as before or as asked"
    if succeeded or scene.event == "Delete":
        # Whoever may not ask whether a stack is gone takes it for alive, and notes what it finds as the stack's.
        denied = fault.code == "AccessDeniedException" and len(theatre.stacks.calls) == 0
        wrong = (
            ""
            if world == new or (denied and _without_notes(world) == _without_notes(new))
            else "not as asked"
        )
    elif scene.reclaims and _is_ours_again(theatre):
        wrong = ""
    else:
        wrong = "" if world == old else "not as before"
    if wrong:
        return wrong
    if not succeeded and first.answer is not None and fault.kind in _REFUSED and not scene.fails:
        words = (fault.code, *_SENTENCES.get(fault.code, ()))
        return "" if any(word in first.reason for word in words) else "the reason does not name the cause"
    return ""


#: Errors that have a sentence of their own in the place of AWS's code.
_SENTENCES = {
    "ResourceNotFoundException": ("there is no secret", "there is no private CA", "registered already"),
    "ResourceAlreadyExistsException": ("another account holds this CA", "registered already"),
    "RequestInProgressException": ("did not issue",),
    "NotFoundException": ("there is no KMS key",),
    "DisabledException": ("is disabled",),
    "DecryptionFailure": ("cannot decrypt",),
}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_whatever_fails_the_registration_is_as_before_or_as_asked(
    scene: Scene, theatre: Theatre, pytestconfig: pytest.Config
) -> None:
    """All points of this event; each from the beginning."""
    failures: list[str] = []
    for world in in_other_worlds(scene):
        world.set(theatre)
        old = theatre.aws.snapshot()
        assert world.play(theatre) is (not world.fails)
        event = theatre.resource.answers[1 if world.in_vain else 0]
        assert world.fails in event.reason
        if event.request != "Delete" and event.succeeded and not world.in_vain:
            assert any(is_as_asked(ca, world.asked()) for ca in theatre.iot.cas.values())
        new, calls = theatre.aws.snapshot(), event.calls
        assert not world.in_vain or new == old
        before = new if world.drifted else _cleared(old) if world.orphan else old
        tried = 0
        for fault in _faults(calls, theatre.id_of(), every_error=world is scene):
            for twice in (False, True) if fault.kind in (Kind.DIED_BEFORE, Kind.DIED_AFTER) else (False,):
                tried += 1
                wrong = _try(theatre, world, fault, before, new, twice=twice)
                if wrong:
                    said = [f"{each.request}: {each.reason[:300]}" for each in theatre.resource.answers]
                    where = (
                        f"call {fault.call} {calls[fault.call][1]}: {fault.kind.value} {fault.code} {twice=}"
                    )
                    failures.append(f"{world.name}, {where}: {wrong}; {said}")
        assert tried >= min(len(calls), 2 * len(Kind))
        pytestconfig.stash[FIGURES]["fault points tried"] += tried
    if failures:
        pytest.fail("\n".join([f"{len(failures)} points:", *failures[:10]]), pytrace=False)
