"""However many processes want the same run, one has it."""

import multiprocessing
from collections import Counter
from pathlib import Path

from tests.cases import Cases
from tests.faults.attempts import claim_all
from tests.faults.lines import count

N_PROCESSES = 16


def test_sixteen_processes_share_no_folder(tmp_path: Path, cases: Cases) -> None:
    context, n_folders = multiprocessing.get_context("forkserver"), count(3)
    start, found = context.Barrier(N_PROCESSES), context.Queue()
    processes = [
        context.Process(target=claim_all, args=(str(tmp_path), n_folders, seed, start, found))
        for seed in range(N_PROCESSES)
    ]
    for process in processes:
        process.start()
    answers = [answer for _ in processes for answer in found.get(timeout=240)]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * N_PROCESSES
    n_new = Counter(number for number, state in answers if state == "new")
    n_asked = Counter(number for number, _ in answers)
    for number in range(n_folders):
        with cases.of():
            assert (n_new[number], n_asked[number]) == (1, N_PROCESSES)
    assert len(list(tmp_path.iterdir())) == n_folders
