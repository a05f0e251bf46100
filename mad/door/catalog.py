"""What there is to choose from, read from the first comment of each config file."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

from mad.report.reading import text_in

HELP = """\
mad: trains a sequence mixer on a task, scores it, and leaves a record

  mad [GROUP=NAME ...] [KEY=VALUE ...]    one run
  mad -m KEY=VALUE,VALUE ...              a sweep: one run for each combination
  mad search KEY=interval(1e-4,1e-1) ...  the values best on validation
  mad --dry-run ...                       what would be run, and what has been
  mad --list                              the names of each group
  python -m mad.run ...                   the same

  mad ls [KEY=VALUE ...]                  the runs, such as status=failed
  mad show RUN                            one of them: scores, cost, last words
  mad compare RUN RUN ...                 their differences, side by side
  mad new NNN-short-name                  a new experiment, to be filled in
  mad experiments                         all of them: state, verdict, time
  mad log                                 the same at length, by priority
  mad report 008 [--check]                writes its report, or checks it
  mad collect [RUN|008] [--wait]          fetches jobs that ended at Modal
  mad cancel RUN|008|--all                calls jobs at Modal off
  mad doctor                              what is set up here, and what is not

examples
  mad model=cos_log_linear task=mqar
  mad -m model=softmax,cos_log_linear task=mqar seed=0,1,2
  mad -m memory=linear,log_linear features=elu,cosine
  mad task=mqar task.seq_len=128 task.n_pairs=16 trainer.learning_rate=3e-3
  mad 'model.mixers=[softmax,log_linear]'   a hybrid, one entry a layer

A run is known by its config: a finished one is shown again, an interrupted one
goes on. Its record lies in runs/, or in the folder that results=... names.
Exit code: 0 finished, 1 failed or diverged, 2 refused, 130 or 143 interrupted.
"""


def help_text(conf: Path) -> str:
    """How the command is used, and the groups that ``conf`` offers."""
    return HELP + "\n" + fill(f"groups: {', '.join(groups(conf))}", width=78, subsequent_indent="  ")


def list_text(conf: Path) -> str:
    """Every choice of every group, with the sentence that its file begins with."""
    return "\n\n".join("\n".join([group, *_lines(conf / group)]) for group in groups(conf))


def groups(conf: Path) -> list[str]:
    """The groups, those first that one chooses most."""
    first = ["model", "memory", "features", "task", "trainer", "experiment"]
    found = sorted(folder.name for folder in conf.iterdir() if any(_choices(folder)))
    return [name for name in first if name in found] + [name for name in found if name not in first]


def description(file: Path) -> str:
    """The first comment of a config file that is not a package header. Raises ValueError for no text."""
    for line in text_in(file).splitlines():
        if line.startswith("#") and not line.startswith("# @package"):
            return line.lstrip("# ").rstrip()
    return ""


def _lines(folder: Path) -> Iterator[str]:
    files = list(_choices(folder))
    width = max(len(file.stem) for file in files)
    for file in files:
        line = f"  {file.stem:{width}}  {description(file)}".rstrip()
        yield fill(line, width=80, subsequent_indent=" " * (width + 4), break_long_words=False)


def _choices(folder: Path) -> Iterator[Path]:
    """The files of a group; those that begin with an underscore are parts of others."""
    return (file for file in sorted(folder.glob("*.yaml")) if not file.name.startswith("_"))
