"""Money: what it may cost is said before, refused beyond the budget, and written down after."""

import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mad.door.compose import compose
from mad.launch.cloud.ledger import Ledger, OverBudget
from mad.launch.cloud.plan import Plan
from mad.launch.cloud.prices import TABLE, known_gpus, own_rates, rate
from mad.launch.cloud.ticket import Ticket
from mad.launch.settings import Cloud
from mad.report.record import RunFolder
from mad.run import main
from tests.cloud.plane.control import Plane
from tests.cloud.small import ROOT, command, said, words
from tests.cloud.tickets import ticket
from tests.results import small_result

FOUR_CENTS = ("launch.expected_minutes=4", "launch.budget_usd=0.10", "launch.wait=false")
"""At 0.60 an hour."""


def test_the_budget_launches_what_it_can_pay(
    plane: Plane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-m", *words("seed=0,1,2,3", *FOUR_CENTS, results=tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert len(plane.calls) == 2
    assert "about $0.16 (16 min 00 s of containers, as launch.expected_minutes says), at most $7.20" in shown
    assert shown.count("would pass launch.budget_usd=0.1: $0.08 are spent or set aside") == 2
    assert [" ".join(line.split()) for line in shown.splitlines() if line.startswith("seed=")][:4] == [
        "seed=0 launched",
        "seed=1 launched",
        "seed=2 refused",
        "seed=3 refused",
    ]
    assert len(list(tmp_path.glob("linear-*"))) == 2
    assert Ledger(tmp_path).total() == pytest.approx(0.08)


def test_four_launchers_at_once_keep_to_the_budget_together(plane: Plane, tmp_path: Path) -> None:
    launchers = [
        command(
            ["-m", *words(f"seed={4 * n},{4 * n + 1}", *FOUR_CENTS, results=tmp_path / "runs")],
            plane=plane,
            cwd=tmp_path,
        )
        for n in range(4)
    ]
    ends = [said(launcher) for launcher in launchers]
    assert len(plane.calls) == 2, ends
    assert sorted(code for code, _ in ends).count(0) <= 1
    assert sum(shown.count("would pass launch.budget_usd=0.1") for _, shown in ends) == 6
    assert Ledger(tmp_path / "runs").total() == pytest.approx(0.08)


def test_a_dry_run_opens_no_socket(tmp_path: Path) -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*args, **options): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from mad.run import main\n"
        f"assert main({['-m', '--dry-run', *words('seed=0,1', results=tmp_path)]!r}) == 0\n"
        "assert not [name for name in ('modal', 'torch', 'wandb') if name in sys.modules]\n"
    )
    arguments = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Modal: 2 jobs on T4 at $0.600 an hour (launch.usd_per_hour), 2 at once" in done.stdout
    assert (
        "about $1.20 (2 h 00 min of containers, the whole timeout, for nothing like it was run)"
        in done.stdout
    )
    assert "at most $3.60; no launch.budget_usd" in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_reservation_gives_way_to_what_was_spent(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.reserve("a", run="one", usd=0.06, budget_usd=0.1)
    with pytest.raises(OverBudget, match=r"0\.06 are spent or set aside"):
        ledger.reserve("b", run="two", usd=0.06, budget_usd=0.1)
    ledger.settle("a", usd=0.01)
    ledger.reserve("b", run="two", usd=0.06, budget_usd=0.1)
    ledger.release("b")
    assert ledger.total() == pytest.approx(0.01)
    assert json.loads(ledger.path.read_text())["a"] == {"run": "one", "usd": 0.01, "state": "spent"}


def test_reservations_at_the_same_moment_stay_within_the_budget(tmp_path: Path) -> None:
    def reserve(number: int) -> bool:
        try:
            Ledger(tmp_path).reserve(str(number), run="r", usd=0.04, budget_usd=0.10)
        except OverBudget:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(reserve, range(64))) == 2


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": {"usd": "much"}}', "{"])
def test_a_broken_ledger_is_named_and_not_overwritten(tmp_path: Path, content: str) -> None:
    (tmp_path / "ledger.json").write_text(content)
    with pytest.raises(ValueError, match=r"ledger\.json is no ledger"):
        Ledger(tmp_path).reserve("a", run="r", usd=1.0, budget_usd=None)
    assert (tmp_path / "ledger.json").read_text() == content


def test_the_table_prices_gpu_cores_and_memory() -> None:
    found = rate(Cloud(gpu="A100", cpu=1.0, memory_gib=1.0))
    assert found.usd_per_hour == pytest.approx(2.099 + 3600 * (0.0000131 + 0.00000222))
    assert found.source == "the price table of 2026-07-01"
    assert rate(Cloud(gpu="a100-40gb")) == rate(Cloud(gpu="A100")) == rate(Cloud(gpu="A100!"))
    assert rate(Cloud(gpu=None)).usd_per_hour == pytest.approx(3600 * (2 * 0.0000131 + 8 * 0.00000222))
    assert rate(Cloud(usd_per_hour=7.0)).usd(1800) == 3.5
    assert "2026-07-01" in TABLE.read_text()


@pytest.mark.parametrize(
    "own, per_hour",
    [
        ({"gpu_t4": 0.60}, 0.60),
        ({"GPU T4 per second": 0.60 / 3600}, 0.60),
        ({"gpu_t4": 60.0}, 0.590),
        ({"gpu_a100": 0.60, "gpu_l4": 0.6}, 0.590),
        ({}, 0.590),
    ],
)
def test_modals_own_rates_count_where_they_can_be_told_apart(
    own: Mapping[str, float], per_hour: float
) -> None:
    extra = 3600 * (2 * 0.0000131 + 8 * 0.00000222)
    assert rate(Cloud(gpu="T4"), own=own).usd_per_hour == pytest.approx(per_hour + extra)


def test_modals_own_rates_are_asked_for_once_and_may_fail(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    assert own_rates()
    assert any(request.name == "WorkspaceBillingRates" for request in plane.requests)

    def broken() -> Mapping[str, Any]:
        raise RuntimeError("no")

    assert own_rates(broken) == {}
    assert "the price table is used" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["T5", "A1000", "RTX4090", "H100:2"])
def test_an_unknown_gpu_is_refused_naming_the_known(name: str) -> None:
    with pytest.raises(ValueError, match=f"launch.gpu={name} is not one of Modal's; (did you mean|known)"):
        rate(Cloud(gpu=name))
    assert all(rate(Cloud(gpu=known)).usd_per_hour > 0 for known in known_gpus())


def test_the_estimate_is_what_alike_runs_took_on_that_gpu(tmp_path: Path) -> None:
    config = compose(words(results=tmp_path))
    price = rate(Cloud(usd_per_hour=0.6))
    for seed, gpu, seconds in ((1, "T4", 100.0), (2, "T4", 200.0), (3, "L4", 1000.0)):
        other = {**config, "seed": seed}
        folder = RunFolder.of(other)
        result = small_result(other)
        with folder.claim(other):
            cost = {**result.cost, "billed_seconds": seconds}
            folder.write_result(type(result)(**{**result.__dict__, "cost": cost}))
            ticket(other, gpu=gpu, state="closed").write(folder.path)
    plan = Plan.of([config], settings=Cloud(gpu="T4"), rate=price)
    assert plan.seconds == (150.0,)
    assert "after 2 earlier runs" in plan.lines()[1]
    assert Plan.of([config], settings=Cloud(gpu="H100"), rate=price).seconds == (3600.0,)
    assert Plan.of([config], settings=Cloud(expected_minutes=1.0), rate=price).seconds == (60.0,)
    assert Ticket.read(RunFolder.of({**config, "seed": 1}).path)
