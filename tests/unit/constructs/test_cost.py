"""Rules of cost: what a stage asks of the CDK's other process is counted, not timed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import jsii._kernel.providers.process as jsii_process
from aws_cdk import App

from iot_multiaccount_ca import CaStage, SharedCa, assets
from support import plans

if TYPE_CHECKING:
    import pytest

#: Calls into jsii for one more SNI_ONLY stage with a template: 15 constructs, 9 answers, 2 orders (docs/adr/0015).
#: Raise it only for something that users asked for, and lower it when it sinks.
CALLS_A_STAGE = 26


def test_calls_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call costs a fifth of a millisecond; growth is linear."""
    calls: Counter[str] = Counter()
    send = jsii_process._NodeProcess.send

    def counted(self: Any, request: Any, *more: Any) -> Any:
        if "Delete" not in type(request).__name__:  # what Python's garbage collector sends, whenever
            calls[type(request).__name__] += 1
        return send(self, request, *more)

    monkeypatch.setattr(jsii_process._NodeProcess, "send", counted)

    def cost(count: int) -> int:
        stages = [CaStage(f"s{n}", account=f"{n:012d}", region=plans.REGION) for n in range(count)]
        plan = plans.sni_only_plan(stages=stages)
        app = App()
        calls.clear()
        SharedCa(app, "FleetCa", plan=plan)
        return sum(calls.values())

    few, many = cost(2), cost(12)
    assert (many - few) / 10 == CALLS_A_STAGE


def test_a_package_is_put_together_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many stages stage it: it takes tens of milliseconds in a checkout."""
    made: list[str] = []
    compose = assets.compose_package

    def counted(code: Any, vendored: Any, target: Any) -> None:
        made.append(target.name)
        compose(code, vendored, target)

    monkeypatch.setattr(assets, "compose_package", counted)
    assets.lambda_package.cache_clear()
    SharedCa(App(), "FleetCa", plan=plans.sni_only_plan())
    assert made == ["registrar"]
