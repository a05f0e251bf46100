"""Signals are noted, raised where the run can stop, and otherwise not lost."""

import signal
import threading

import pytest

from mad.train.interrupt import SIGNALS, Interrupts, Preempted


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_run_at_the_next_check(number: signal.Signals) -> None:
    with Interrupts() as interrupts:
        interrupts.check()
        signal.raise_signal(number)
        with pytest.raises(Preempted, match=number.name):
            interrupts.check()


def test_the_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_second_interrupt_from_the_keyboard_does_not_wait() -> None:
    with Interrupts():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_signal_after_the_last_check_is_delivered_at_the_end() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts():
        signal.raise_signal(signal.SIGINT)


def test_outside_the_main_thread_nothing_is_installed() -> None:
    seen = []

    def enter() -> None:
        with Interrupts() as interrupts:
            interrupts.check()
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]
