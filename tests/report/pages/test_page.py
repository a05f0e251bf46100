import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from mad.report.judging.effects import Effect, Span
from mad.report.pages import decided
from mad.report.pages.page import escaped, markdown, relative
from mad.report.pages.wording import NOTHING, plain
from tests.report.pages.examples import DECLARATION, curves_of, evidence_of, results_of

EVIDENCE = evidence_of()
SECTIONS = [
    "Verdict",
    "Question",
    "Decision",
    "Criteria",
    "Results",
    "Learning curves",
    "Learning-rate sensitivity",
    "What decides",
    "Accuracy against state size",
    "Accuracy per evaluation cell",
    "Cost",
    "Failed and diverged runs",
    "What changed",
    "Provenance",
]


def test_every_section_is_there_and_says_something() -> None:
    for page in (
        markdown(EVIDENCE, None, curves=curves_of(EVIDENCE.results)),
        markdown(evidence_of([]), None, curves={}),
        markdown(evidence_of([], criteria=[], search=None, question=""), "", curves={}),
    ):
        parts = page.split("\n## ")[1:]
        titles = [part.partition("\n")[0] for part in parts]
        assert [title.replace("Sensitivity", "Learning-rate sensitivity") for title in titles] == SECTIONS
        assert all(part.partition("\n")[2].strip() for part in parts)


def test_the_page_says_what_was_expected_beside_what_was_observed() -> None:
    page = markdown(EVIDENCE, None, curves={})
    row = next(line for line in page.splitlines() if line.startswith("| cosFormer stays below 50 %"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:5] == [r"test/accuracy \< 50 %", "53.9 % (50.5 to 57.3, at 97.3 %)", "3", "**not met**"]


def test_published_claims_stand_beside_what_is_seen() -> None:
    criteria = [dict(entry) for entry in DECLARATION["criteria"]]
    for entry, reported in zip(criteria, ("91.3 %", "25.9 %", "15.2 %"), strict=False):
        entry["published"] = reported
    page = markdown(evidence_of(criteria=criteria), None, curves={})
    part = page.partition("## Published claims\n")[2].partition("\n## ")[0]
    assert "Of 3 published claims 1 holds here, 2 do not hold here." in " ".join(part.split())
    row = next(line for line in part.splitlines() if line.startswith("| cosFormer"))
    assert [cell.strip() for cell in row.strip("|").split("|")][1::2] == ["25.9 %", "**does not hold here**"]


def test_what_decides_is_said_with_the_four_choices() -> None:
    page = markdown(EVIDENCE, None, curves={})
    part = page.partition("## What decides\n")[2].partition("\n## ")[0]
    assert "| trainer.learning_rate | 0.001, 0.003, 0.01 |" in part
    assert "- Learning rate: " in part
    assert "- Embedding std: the same in all arms, so not tested here" in part


def part_of(page: str, title: str) -> str:
    """A section in one line for each of its paragraphs."""
    return page.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_a_gap_is_said_in_points() -> None:
    row = next(line for line in markdown(EVIDENCE, None, curves={}).splitlines() if "gains 20 points" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == "test/accuracy less that of model=log_linear > 20 points"
    assert re.fullmatch(r"-?\d+\.\d points \(-?\d+\.\d to -?\d+\.\d, at 97\.3 %\)", cells[2])


def test_luck_stands_beside_what_decides_and_may_leave_nothing() -> None:
    part = part_of(markdown(EVIDENCE, None, curves={}), "What decides")
    assert "model decides most" in part
    assert re.search(r"\| model \|.*\| \d+\.\d \(up to \d+\.\d\) \|", part)
    results = results_of({"softmax": (0.9, 100), "delta_net": (0.9, 100)}, rates=(1e-3,))
    part = part_of(markdown(evidence_of(results), None, curves={}), "What decides")
    assert "No choice moves accuracy by more than the luck of the seeds can" in part


def test_what_decides_is_not_what_only_luck_moves_further(monkeypatch: pytest.MonkeyPatch) -> None:
    lucky, strong = (
        Effect(
            axis=axis,
            values=("one", "other"),
            spans=(Span(lowest=0.3, highest=highest, at="one", by_luck=reach / 2, reach=reach),),
        )
        for axis, highest, reach in (("model", 0.9, 0.7), ("recipe", 0.8, 0.4))
    )
    monkeypatch.setattr(decided, "effects", lambda *_, **__: (lucky, strong))
    part = part_of(markdown(EVIDENCE, None, curves={}), "What decides")
    assert "recipe decides most: from its worst to its best value accuracy moves by 50.0 points" in part
    assert "model moves it further, but the luck of the seeds may do as much." in part
    monkeypatch.setattr(decided, "effects", lambda *_, **__: (strong,))
    assert "further" not in part_of(markdown(EVIDENCE, None, curves={}), "What decides")


def test_arms_are_compared_at_one_size_of_the_state() -> None:
    part = part_of(markdown(EVIDENCE, None, curves={}), "Accuracy against state size")
    rows = [line for line in part.partition("At one size")[2].splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[2] for row in rows] == ["delta_net", "cos_log_linear"]
    assert rows[0].startswith("| 4,864 to 4,992 | delta_net; vanilla_linear | delta_net | 98.")
    assert "points (" in rows[1].split(" | ")[5]
    alone = evidence_of(results_of({"softmax": (0.9, 100), "delta_net": (0.9, 111)}))
    assert "No two arms have a state of the same size" in markdown(alone, None, curves={})


def test_bounds_stand_beside_every_cell() -> None:
    part = part_of(markdown(EVIDENCE, None, curves={}), "Accuracy per evaluation cell")
    assert "as configured, which is the cell seq_len=64." in part
    bounds = next(line for line in part.splitlines() if line.startswith("| Chance / floor / ceiling"))
    assert [cell.strip() for cell in bounds.split("|")[2:5]] == ["0.8 / 12.5 / 100.0", NOTHING, NOTHING]
    several = [
        replace(result, bounds={"chance_accuracy": 0.1 * (number % 2)})
        for number, result in enumerate(EVIDENCE.results)
    ]
    page = markdown(evidence_of(several), None, curves={})
    assert "The arms have no bounds in common" in part_of(page, "Accuracy per evaluation cell")


def test_settings_say_what_failed_what_is_open_and_what_is_not_chosen() -> None:
    results = results_of({"softmax": (0.9, 100)}, rates=(1e-3, 3e-3))
    results[4] = replace(results[4], status="preempted", metrics={}, cells={})
    results[5] = replace(results[5], status="failed", metrics={}, cells={})
    part = part_of(markdown(evidence_of(results), None, curves={}), "Learning-rate sensitivity")
    rows = [line.split(" | ")[-4:] for line in part.splitlines() if line.startswith("| softmax")]
    assert rows[0] == ["3", "0", "0", "**chosen** |"]
    assert rows[1] == ["1", "**1**", "**1**", "fewer seeds |"]


def test_runs_lead_to_their_config() -> None:
    page = markdown(EVIDENCE, None, curves={})
    assert all(f"](./runs/{result.run_id}/config.yaml)" in page for result in EVIDENCE.results)


def test_failures_are_listed_with_their_logs() -> None:
    page = markdown(EVIDENCE, None, curves={})
    assert "the loss is not finite at step 312" in page
    assert all(f"](./{loss.console_file})" in page for loss in EVIDENCE.losses)


def test_cost_is_estimated_beside_actual() -> None:
    page = markdown(EVIDENCE, None, curves={})
    assert "| Time while any run was going | 50 min 00 s | 54 min" in page


def test_a_decision_is_quoted_with_its_layout() -> None:
    page = markdown(EVIDENCE, "# PROCEED\n\n- **because**\n", curves={})
    assert "> # PROCEED\n>\n> - **because**\n" in page


@pytest.mark.parametrize("number", range(7))
def test_tables_have_as_many_cells_in_every_row(number: int) -> None:
    html = MarkdownIt("commonmark").enable("table").render(markdown(EVIDENCE, None, curves={}))
    table = html.split("<table>")[number + 1].partition("</table>")[0]
    counts = {row.count("<td") + row.count("<th") - row.count("<thead") for row in table.split("<tr>")[1:]}
    assert len(counts) == 1


@pytest.mark.parametrize(
    "text, shown",
    [
        ("cos_log_linear", "cos_log_linear"),
        ("test/accuracy > 80 %", "test/accuracy > 80 %"),
        ("_a_", r"\_a\_"),
        ("a|b", r"a\|b"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("90.9 %", "90.9 %"),
        ("<b>", r"\<b>"),
        ("&lt;", r"\&lt;"),
        ("a & b", "a & b"),
        ("{{ x }}", r"\{{ x }}"),
    ],
)
def test_only_what_would_mean_something_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_links_stay_in_the_folder() -> None:
    assert relative("javascript:alert(1)") == "./javascript%3Aalert%281%29"
    assert relative("//example.org/x") == "./example.org/x"


def test_what_cannot_be_seen_is_shown() -> None:
    assert plain("a\x1b[31m\u202eb\n c") == r"a\x1b[31m\u202eb c"
    assert plain("x" * 1000, longest=10) == "x" * 9 + "\N{HORIZONTAL ELLIPSIS}"
