import re
from dataclasses import replace

import pytest

from mad.report.pages.history import Snapshot
from mad.report.pages.page import markdown
from mad.report.pages.webpage import html, quotation
from mad.report.pages.wording import ended, moment
from tests.report.pages.examples import curves_of, evidence_of, results_of
from tests.report.pages.hostile import Parsed
from tests.report.pages.test_page import SECTIONS

EVIDENCE = evidence_of()
CURVES = curves_of(EVIDENCE.results)


def test_the_page_needs_no_network_and_no_script() -> None:
    page = html(EVIDENCE, "[see](https://example.org)", curves=CURVES)
    elements = Parsed(page).elements
    policy = next(
        dict(attrs)["content"]
        for tag, attrs in elements
        if ("http-equiv", "Content-Security-Policy") in attrs
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert not {"script", "img", "link", "iframe", "object", "form"} & {tag for tag, _ in elements}
    assert "url(" not in page
    assert "@import" not in page


def test_every_section_is_there_also_without_results() -> None:
    for evidence in (EVIDENCE, evidence_of([])):
        page = html(evidence, None, curves={})
        assert re.findall(r"<h2>(.*?)</h2>", page) == SECTIONS
        assert not re.search(r"</h2>\s*</section>", page)


def test_every_chart_has_a_table_in_its_section() -> None:
    for section in html(EVIDENCE, None, curves=CURVES).split("<section")[1:]:
        assert section.count("<table") >= min(section.count("<figure"), 1)


def test_the_table_of_a_chart_has_its_numbers() -> None:
    page = html(EVIDENCE, None, curves=CURVES)
    for arm in EVIDENCE.arms:
        assert arm.best.test is not None
        assert page.count(f"{100 * arm.best.test.mean:.1f} %") >= 3


def test_the_same_evidence_gives_the_same_bytes() -> None:
    pages = [html(evidence_of(), "PROCEED", curves=curves_of(evidence_of().results)) for _ in range(2)]
    assert pages[0] == pages[1]
    texts = [markdown(evidence_of(), "PROCEED", curves=CURVES) for _ in range(2)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "n_models, n_rates, n_seeds, n_cells",
    [(34, 1, 3, 1), (5, 4, 5, 3), (100, 1, 1, 3), (4, 1, 25, 12)],
    ids=lambda n: str(n),
)
def test_a_hundred_runs_fit_in_300_kilobytes(n_models: int, n_rates: int, n_seeds: int, n_cells: int) -> None:
    models = {
        f"log_linear_with_a_long_name_{n}, published_008": (0.9 - n / 200, 1000 * (n + 1))
        for n in range(n_models)
    }
    rates = (1e-3, 2e-3, 3e-3, 4e-3)[:n_rates]
    results = results_of(models, rates=rates, n_seeds=n_seeds, n_cells=n_cells)
    evidence = evidence_of(results)
    page = html(evidence, "PROCEED", curves=curves_of(results, n_rows=1000))
    assert len(results) >= 100
    assert "<path" in page
    assert len(page.encode()) <= 300_000


def test_the_end_of_a_resumed_run_is_its_own() -> None:
    (result, *_) = evidence_of().results
    resumed = replace(
        result,
        cost={**result.cost, "seconds": 3600.0},
        stamp={**result.stamp, "started": "2026-11-23T12:00:00+00:00", "ended": "2026-11-23T12:10:00+00:00"},
    )
    assert moment(ended(resumed)) == "2026-11-23 12:10 UTC"
    del resumed.stamp["ended"]  # type: ignore[attr-defined]
    assert moment(ended(resumed)) == "2026-11-23 13:00 UTC"


def test_times_come_from_the_records() -> None:
    page = html(EVIDENCE, None, curves=CURVES)
    assert {*re.findall(r"20\d\d-\d\d-\d\d", page)} == {"2026-11-23"}


def test_what_is_new_is_said() -> None:
    before = Snapshot(as_of="2026-11-22 09:00 UTC", verdict="UNDECIDED", arms={"softmax": (0.5, 2, 0.003)})
    page = Parsed(html(EVIDENCE, "PROCEED", curves=CURVES, history=[before])).text
    assert "Since the report as of 2026-11-22 09:00 UTC" in page
    assert "The verdict was UNDECIDED, and is ABANDON." in page
    assert "softmax: 50.0 %, n = 2 at 0.003; now 99.8 %, n = 3 at 0.003." in page
    assert "The decision was written down." in page
    now = Snapshot.of(EVIDENCE, None)
    assert "This is the first report" in Parsed(html(EVIDENCE, None, curves=CURVES, history=[now])).text


def test_a_decision_keeps_its_layout_and_loses_the_rest() -> None:
    shown = quotation(
        "# A\n\n**b** [c](https://example.org) [d](javascript:x) ![e](f.png) <i>g</i>\n\n```html\nh\n```"
    )
    assert "<h3>A</h3>" in shown
    assert '<a href="https://example.org" rel="noreferrer">c</a>' in shown
    assert "&lt;i&gt;" in shown
    assert "<img" not in shown
    assert "<pre><code>h" in shown


def test_only_relative_links_lead_to_runs() -> None:
    targets = Parsed(html(EVIDENCE, None, curves=CURVES)).targets
    assert f"./runs/{EVIDENCE.results[0].run_id}/config.yaml" in targets
