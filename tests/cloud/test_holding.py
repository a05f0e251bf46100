"""A run is launched once, and nothing is lost when a launch does not come about or is cut off."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mad.launch.cloud.calls import Outcome
from mad.launch.cloud.holding import Held, Wanted, held
from mad.launch.cloud.job import Job
from mad.launch.cloud.ledger import Ledger
from mad.launch.cloud.plan import Plan
from mad.launch.cloud.prices import Rate
from mad.launch.cloud.ticket import Ticket
from mad.launch.ending import Ending
from mad.launch.settings import Cloud
from mad.report.lock import AlreadyRunning
from mad.report.record import RunFolder
from tests.cloud.tickets import ticket
from tests.report.test_record import by_other_code
from tests.results import small_config, small_result


@pytest.fixture(autouse=True)
def _nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    return small_config(tmp_path / "runs")


def planned(**settings: Any) -> Plan:
    rate = Rate(usd_per_hour=0.6, source="launch.usd_per_hour")
    return Plan(settings=Cloud(**settings), rate=rate, seconds=(3600.0,))


def wanted(config: dict[str, Any]) -> Wanted:
    return Wanted(config=config, folder=RunFolder.of(config), seconds=3600.0)


def held_by_force(config: dict[str, Any]) -> Held:
    found = held(wanted(config), planned())
    assert isinstance(found, Held)
    return found


def spawned(one: Held, folder: Path) -> None:
    """As if it had been sent."""
    with one.stack:
        replace(one.ticket, state="open", call="fc-1", app="ap-1").write(folder)


class Emptied:
    """A store whose volume was emptied."""

    def names(self, folder: str) -> list[str]:
        return []

    def read(self, path: str) -> None:
        return None


def test_a_second_launcher_waits_for_the_job_of_the_first(config: dict[str, Any]) -> None:
    one, folder = held_by_force(config), RunFolder.of(config)
    with pytest.raises(AlreadyRunning):
        held(wanted(config), planned())
    spawned(one, folder.path)
    assert held(wanted(config), planned()) is None
    now = Ticket.read(folder.path)
    assert now
    assert now.launch == one.ticket.launch
    assert Ledger(folder.path.parent).total() == pytest.approx(0.6)


def test_a_run_that_has_finished_meanwhile_is_not_launched(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    with folder.claim(config):
        folder.write_result(small_result(config))
    found = held(wanted(config), planned())
    assert isinstance(found, Ending)
    assert found.status == "finished"
    assert not folder.ticket_file.exists()


def test_a_launch_that_was_cut_off_gives_its_money_back(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    folder.path.mkdir(parents=True)
    replace(ticket(config, state="launching"), app="", call="", earlier="one/before").write(folder.path)
    ledger = Ledger(folder.path.parent)
    ledger.reserve(ticket(config).launch, run=folder.name, usd=5.0, budget_usd=None)
    one = held_by_force(config)
    assert ledger.total() == pytest.approx(0.6)
    assert one.order.earlier == "one/before"
    one.give_up()
    assert ledger.total() == 0


def test_a_launch_that_was_cut_off_in_the_middle_is_not_repeated(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    folder.path.mkdir(parents=True)
    ticket(config, state="launching").write(folder.path)
    with pytest.raises(ValueError, match="may have left a job in Modal's app ap-1"):
        held(wanted(config), planned())
    assert Ticket.read(folder.path) == ticket(config, state="launching")


@pytest.mark.parametrize("budget_usd", [0.1, None])
def test_a_launch_that_does_not_come_about_leaves_the_earlier_record(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, budget_usd: float | None
) -> None:
    other = by_other_code(config, monkeypatch)
    with other.claim(config):
        other.write_result(small_result(config, code="0" * 64))
        ticket(config, state="closed").write(other.path)
    before = {file.name: file.read_bytes() for file in other.path.iterdir() if file.name != "lock"}
    with ExitStack() as stack:
        if budget_usd:
            stack.enter_context(pytest.raises(ValueError, match="would pass"))
        one = held(wanted(config), planned(budget_usd=budget_usd))
        assert isinstance(one, Held)
        one.give_up()
    after = {file.name: file.read_bytes() for file in other.path.iterdir() if file.name != "lock"}
    assert after == before


def test_a_folder_made_for_a_launch_goes_with_it(config: dict[str, Any]) -> None:
    held_by_force(config).give_up()
    assert not RunFolder.of(config).path.exists()


def test_an_old_waiter_does_not_settle_a_newer_launch(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    spawned(held_by_force(config), folder.path)
    newer = Ticket.read(folder.path)
    ending = Job(folder.path, ticket(config)).settle(
        Outcome(status="failed", error="old"),
        store=Emptied(),  # type: ignore[arg-type]
    )
    assert ending.status == "running"
    assert Ticket.read(folder.path) == newer


@pytest.mark.parametrize("state", ["open", "launching"])
def test_a_local_run_is_refused_while_the_job_is_under_way(config: dict[str, Any], state: Any) -> None:
    folder = RunFolder.of(config)
    folder.path.mkdir(parents=True)
    ticket(config, state=state).write(folder.path)
    with pytest.raises(ValueError, match="the run is under way at Modal"), folder.claim(config):
        raise AssertionError
    folder.discard_if_empty()
    assert Ticket.read(folder.path) == ticket(config, state=state)


def test_a_job_that_is_refused_there_leaves_what_was_put_aside(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = by_other_code(config, monkeypatch)
    with other.claim(config):
        other.write_result(small_result(config, code="0" * 64))
    folder = RunFolder.of(config)
    one = held_by_force(config)
    spawned(one, folder.path)
    refused = Outcome(status="refused", error="no")
    now = Ticket.read(folder.path)
    assert now
    ending = Job(folder.path, now).settle(refused, store=Emptied())  # type: ignore[arg-type]
    assert ending.status == "refused"
    assert list(folder.path.glob("superseded/*/result.json"))


def test_a_folder_made_for_a_refused_job_goes(config: dict[str, Any]) -> None:
    folder = RunFolder.of(config)
    spawned(held_by_force(config), folder.path)
    now = Ticket.read(folder.path)
    assert now
    Job(folder.path, now).settle(Outcome(status="refused", error="no"), store=Emptied())  # type: ignore[arg-type]
    assert not folder.path.exists()
