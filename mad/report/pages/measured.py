"""The parts of a report that show what was measured: charts, each with a table of the same numbers."""

from collections.abc import Mapping, Sequence

from mad.report.judging.evidence import Arm, Evidence, Setting
from mad.report.judging.intervals import solved_share
from mad.report.pages.blocks import Cell, Charts, Paragraph, Section, Table, numbers, row, words
from mad.report.pages.charts import accuracy_chart
from mad.report.pages.choices import choices
from mad.report.pages.curves import Curves, shown_steps, thinned
from mad.report.pages.panels import curve_charts, search_charts
from mad.report.pages.wording import NOTHING, TIMES, each, percent, plain, quantity, setting, spread

NO_ARMS = Paragraph("No run has a result yet.")

N_DRAWN = 45
"""Arms that have a panel or a point of their own, the first ones; the tables have all."""


CHOSEN = (
    "The choice is made on validation alone, a diverged seed counting as 0, among the settings with the most "
    "ended seeds; test accuracy is shown for all, and chooses nothing. Failed: runs that failed or diverged. "
    "Open: runs that were asked for and have not ended."
)


def results(evidence: Evidence) -> Section:
    """Test accuracy of every arm at its best setting."""
    experiment = evidence.experiment
    if not evidence.arms:
        return Section("Results", [NO_ARMS])
    how = (
        "as run"
        if experiment.search is None
        else f"at the {_searched(experiment.search)} that was best on validation"
    )
    table = Table(
        caption="Test accuracy in percent, over seeds",
        columns=[
            *words("Arm", "Role"),
            *numbers(_short(experiment.search), "Mean and interval", "Each seed"),
            *numbers("Solved", "Chance / floor / ceiling", "State floats"),
        ],
        rows=[_result(arm) for arm in evidence.arms],
    )
    told = (
        f"Every arm {how}. A mark is the mean, its line the interval, each dot a seed. Solved: seeds that "
        f"reach {percent(experiment.solved_at)}, with the interval of that share. The floor is what a model "
        f"scores that binds nothing."
    )
    told += first_ones(evidence.arms)
    beside: list[Paragraph | Table] = [Paragraph(told), choices(evidence.arms)]
    chart = Charts([accuracy_chart(evidence.arms[:N_DRAWN])], "wide", "Test accuracy by arm", beside)
    return Section("Results", [chart, table])


def learning_curves(evidence: Evidence, curves: Curves) -> Section:
    """Validation accuracy against steps, of the runs at the best settings."""
    title = "Learning curves"
    runs = [(arm, run) for arm in evidence.arms for run in arm.best.results]
    known = [(arm, run, curves[run.run_id]) for arm, run in runs if curves.get(run.run_id)]
    if not known:
        return Section(
            title, [Paragraph("No curve is recorded: there is no metrics.jsonl with validations.")]
        )
    steps = shown_steps([curve for _, _, curve in known])
    table = Table(
        caption="Validation accuracy in percent, by step",
        columns=[*words("Arm"), *numbers("Seed", *(f"{step:,}" for step in steps))],
        rows=[
            row(
                plain(arm.name),
                plain(run.config.get("seed", NOTHING)),
                *("" if value is None else f"{100 * value:.1f}" for _, value in thinned(curve, steps)),
            )
            for arm, run, curve in known
        ],
        shown="folded",
    )
    arms = [arm for arm in evidence.arms if any(curves.get(run.run_id) for run in arm.best.results)]
    told = "A line is a seed at its arm's best setting; the other arms' lines stand behind in grey."
    drawn = Charts(
        curve_charts(arms, curves, steps=steps), "panels", "Validation accuracy in percent by step"
    )
    return Section(title, [Paragraph(told), drawn, table])


def search(evidence: Evidence) -> Section:
    """How much the searched key matters, for each arm."""
    key = evidence.experiment.search
    title = "Learning-rate sensitivity" if key == "trainer.learning_rate" else "Sensitivity"
    if key is None:
        return Section(title, [Paragraph("Nothing was searched: every arm has one setting.")])
    if not evidence.arms:
        return Section(title, [NO_ARMS])
    table = Table(
        caption="Accuracy in percent by setting; the best one is chosen on validation",
        columns=[
            *words("Arm"),
            *numbers(_short(key), "Validation", "Each seed", "Test", "Finished", "Failed", "Open"),
            *words("Chosen"),
        ],
        rows=[_setting(arm, number) for arm in evidence.arms for number in range(len(arm.settings))],
    )
    values = {each_.value for arm in evidence.arms for each_ in arm.settings}
    if len(values) < 2:
        one = Paragraph(f"Only one value of {key} was tried, so its influence is not known.")
        return Section(title, [one, table])
    told = (
        f"Validation accuracy against {key}. The ring is the setting that was chosen; dots are seeds; "
        f"{TIMES} counts runs that did not finish. {CHOSEN}"
    )
    told += first_ones(evidence.arms)
    panels = search_charts(evidence.arms[:N_DRAWN], name=_searched(key))
    drawn = Charts(panels, "panels", "Validation accuracy in percent")
    return Section(title, [Paragraph(told), drawn, table])


def first_ones(arms: Sequence[Arm]) -> str:
    """That not all arms are drawn, where there are many; with a space before it."""
    n = len(arms)
    return "" if n <= N_DRAWN else f" The first {N_DRAWN} arms are drawn; the table has all {n}."


def bounds_text(bounds: Mapping[str, float | None]) -> str:
    """Chance, floor and ceiling in percent: ``0.8 / 12.5 / 100.0``."""
    known = (bounds.get(f"{name}_accuracy") for name in ("chance", "floor", "best"))
    return " / ".join(percent(bound).removesuffix(" %") for bound in known)


def _searched(key: str | None) -> str:
    return (key or "setting").rpartition(".")[2].replace("_", " ")


def _short(key: str | None) -> str:
    return "Setting" if key is None else _searched(key).capitalize()


def _result(arm: Arm) -> list[Cell]:
    test = arm.best.test
    return [
        Cell(plain(arm.name)),
        Cell(arm.role or NOTHING),
        Cell(setting(arm.best.value)),
        Cell(spread(test)),
        Cell(each(test)),
        Cell(_solved(arm)),
        Cell(bounds_text(arm.bounds)),
        Cell(quantity(arm.state_floats)),
    ]


def _solved(arm: Arm) -> str:
    """How many seeds did, and between which shares the true one is likely to lie."""
    if arm.best.test is None:
        return NOTHING
    share = solved_share(arm.solved, arm.best.test.n)
    return f"{arm.solved} of {share.n} ({100 * (share.low or 0):.0f} to {100 * (share.high or 0):.0f} %)"


def _setting(arm: Arm, number: int) -> list[Cell]:
    tried = arm.settings[number]
    chosen = tried is arm.best
    return [
        Cell(plain(arm.name)),
        Cell(setting(tried.value)),
        Cell(spread(tried.validation)),
        Cell(each(tried.validation)),
        Cell(spread(tried.test)),
        Cell(str(len(tried.results))),
        Cell(str(tried.n_failed), "bad" if tried.n_failed else ""),
        Cell(str(tried.n_open), "open" if tried.n_open else ""),
        Cell("chosen" if chosen else _why_not(tried), "good" if chosen else ""),
    ]


def _why_not(tried: Setting) -> str:
    return "" if tried.is_eligible else "fewer seeds"
