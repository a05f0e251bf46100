"""The command line, ``mad`` or ``python -m mad.run``: from what is typed to a run, a sweep, a list or a verb.

Imports wait until they are needed: help and lists need no Hydra, and what has finished needs no torch.
"""

import errno
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mad.blueprint import nearest

if TYPE_CHECKING:
    from mad.door.compose import Job
    from mad.launch.ending import Ending
    from mad.launch.settings import Cloud
    from mad.report.result import Result

REFUSED_BY_THE_SYSTEM = {errno.ENAMETOOLONG: 2, errno.ENOSPC: 1, errno.EDQUOT: 1}
"""What a name or a disk can do to any command, and the exit code: a line says it better than a traceback."""

FLAGS = ("--help", "-h", "--list", "--dry-run", "--multirun", "-m", "--shell-completion", "-sc")


@dataclass(frozen=True)
class Request:
    """What was typed: flags, and overrides for the config."""

    flags: frozenset[str]
    overrides: tuple[str, ...]

    @property
    def is_sweep(self) -> bool:
        """Whether commas mean one run each."""
        return bool(self.flags & {"-m", "--multirun"})

    @property
    def command(self) -> str:
        """As one would type it."""
        return shlex.join(["mad", *sorted(self.flags), *self.overrides])

    @classmethod
    def of(cls, arguments: Sequence[str]) -> "Request":
        """Tells flags from overrides. Raises ValueError for a flag that is not known."""
        flags = frozenset(word for word in arguments if word.startswith("-"))
        for flag in sorted(flags - set(FLAGS)):
            raise ValueError(f"unknown flag {flag}{nearest(flag, FLAGS)}")
        return cls(flags, tuple(_in_full(word) for word in arguments if word not in flags))


def _in_full(override: str) -> str:
    """The override; an experiment with the name of its file."""
    if not override.startswith("experiment="):
        return override
    from mad.launch.experiment import in_full

    return in_full(override)


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the arguments (those of the process, by default) ask for; returns the exit code."""
    from mad.browse.verbs import answer, is_verb
    from mad.report.lock import AlreadyRunning
    from mad.report.record import NotRecorded

    words = sys.argv[1:] if arguments is None else arguments
    try:
        return answer(words) if is_verb(words) else _answer(Request.of(words))
    except ValueError as error:
        from mad.report.redaction import redacted

        print(f"mad: {redacted(str(error))}", file=sys.stderr)
        return 2
    except AlreadyRunning as error:
        print(f"mad: {error}", file=sys.stderr)
        return 1
    except NotRecorded as error:
        from mad.report.redaction import redacted

        if not isinstance(error.__cause__, OSError):  # the traceback stands nowhere else
            raise
        print(f"mad: {redacted(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has seen enough (``mad --list | head``); Python must not try to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.filename is None and error.errno not in REFUSED_BY_THE_SYSTEM:
            raise
        print(f"mad: {_of_the_disk(error)}"[:600], file=sys.stderr)
        return REFUSED_BY_THE_SYSTEM.get(error.errno or 0, 1)


def _of_the_disk(error: OSError) -> str:
    """What to do about a file or a folder that cannot be used; the console log has the traceback."""
    where = f" ({error.filename})" if error.filename is not None else ""
    return (
        f"{error.strerror or error}{where}; see that the folder is there, can be written to and has room, "
        "or name another with results=FOLDER"
    )


def _answer(request: Request) -> int:
    if request.flags & {"--help", "-h", "--list"}:
        return _explain(request)
    if request.flags & {"--shell-completion", "-sc"}:
        from mad.door.compose import complete

        return complete(request.overrides)
    if request.is_sweep and "--dry-run" not in request.flags:
        return _sweep(request)
    if request.is_sweep:
        from mad.launch.jobs import jobs_of

        return _dry_run(jobs_of(request.overrides), request)
    if "--dry-run" in request.flags:
        return _dry_run(_one(request), request)
    _check_cloud(request)
    return _run(_one(request)[0], request)


def _explain(request: Request) -> int:
    from mad.door.catalog import help_text, list_text
    from mad.door.folder import conf_dir

    print(list_text(conf_dir()) if "--list" in request.flags else help_text(conf_dir()))
    return 0


def _dry_run(jobs: Sequence["Job"], request: Request) -> int:
    """Says of each job its name, its folder and whether it has been run; of a single one its config, too."""
    import yaml

    from mad.launch.estimate import rest_of
    from mad.launch.experiment import Declared
    from mad.launch.jobs import rest_of_grid
    from mad.launch.settings import Cloud, launcher_of_all
    from mad.report.record import RunFolder
    from mad.track import Track

    settings = launcher_of_all([job.config for job in jobs])
    costs = _cost_lines(jobs, settings) if isinstance(settings, Cloud) else []
    for job in jobs:
        Track.of(job.config)
        folder = RunFolder.of(job.config)
        if request.is_sweep:
            print(" ".join(job.overrides))
        else:
            print(yaml.safe_dump(job.config, sort_keys=False, allow_unicode=True))
        print(f"run     {folder.name}\nfolder  {folder.path}/\nstate   {folder.state()}")
    configs = [job.config for job in jobs]
    if request.is_sweep:
        grid = rest_of_grid(request.overrides)
        experiment = Declared.of(configs, command=request.command, grid=grid)
        if experiment:
            experiment.check([config for _, config in grid()] if grid else configs)
        print(rest_of(configs))
    for line in costs:
        print(line)
    return 0


def _cost_lines(jobs: Sequence["Job"], settings: "Cloud") -> list[str]:
    from mad.launch.cloud.launcher import cost_lines

    return cost_lines([job.config for job in jobs], settings)


def _sweep(request: Request) -> int:
    """Composes all jobs, while the server of the workers imports what they need, and runs them."""
    with _prepared(request):
        from mad.launch.experiment import Declared
        from mad.launch.jobs import jobs_of, labels_of, rest_of_grid
        from mad.launch.sweep import sweep
        from mad.report.tables import terminal

        jobs = jobs_of(request.overrides)
        configs, labels = [job.config for job in jobs], labels_of([job.overrides for job in jobs])
        grid = rest_of_grid(request.overrides)
        experiment = Declared.of(configs, command=request.command, grid=grid)
        return sweep(configs, labels, console=terminal(), experiment=experiment)


def _prepared(request: Request) -> AbstractContextManager[None]:
    """The server for workers here, or nothing for Modal."""
    from mad.launch.server import OF_A_RUN, started

    return nullcontext() if _check_cloud(request) else started(OF_A_RUN)


def _check_cloud(request: Request) -> bool:
    """Whether Modal is asked for. Raises ValueError, before anything is composed, if it cannot be reached."""
    from mad.launch.choice import gpus, is_cloud

    if not is_cloud(request.overrides):
        return False
    from mad.launch.cloud.account import check_account
    from mad.launch.cloud.prices import check_gpu

    for name in gpus(request.overrides):
        check_gpu(name)
    check_account()
    return True


def _one(request: Request) -> list["Job"]:
    from mad.door.compose import composed

    return composed(request.overrides, multirun=False)


def _run(job: "Job", request: Request) -> int:
    """One run, in this process or at Modal, unless it has finished before."""
    from mad.launch.experiment import Declared
    from mad.launch.jobs import rest_of_grid
    from mad.launch.local import run
    from mad.launch.settings import Cloud, launcher
    from mad.report.tables import show_result, terminal

    console = terminal()
    grid = rest_of_grid([*request.overrides, "one run of it"])
    experiment = Declared.of([job.config], command=request.command, grid=grid)
    around = experiment.around(job.config, console=console) if experiment else nullcontext(list["Ending"]())
    with around as told:
        if isinstance(launcher(job.config), Cloud):
            from mad.launch.cloud.single import run_one

            code, ending = run_one(job.config, console=console)
            told.append(ending)
            return code
        result, folder = run(job.config, console=console)
        show_result(result, console=console)
        console.print(f"record: {folder.path}/", markup=False, soft_wrap=True)
    return _exit_code(result)


def _exit_code(result: "Result") -> int:
    if result.status == "preempted":
        return 130 if result.error == "SIGINT" else 143
    return 0 if result.status == "finished" else 1


if __name__ == "__main__":
    sys.exit(main())
