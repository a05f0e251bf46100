import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from mad.report.pages.charts import accuracy_chart, cell_chart, state_chart
from mad.report.pages.curves import shown_steps, thinned
from mad.report.pages.frame import Axis, log_ticks, spaced, steps_ticks, thousands
from mad.report.pages.panels import curve_charts, search_charts
from mad.report.pages.svg import CHARACTER, FONT_SIZE, N_COLOURS, SHAPES, Svg, label, marker, path
from tests.report.pages.examples import curves_of, evidence_of, results_of

EVIDENCE = evidence_of()
CURVES = curves_of(EVIDENCE.results)
STEPS = shown_steps(CURVES.values())


def drawings(name: str) -> list[Svg]:
    arms = EVIDENCE.arms
    return {
        "accuracy": lambda: [accuracy_chart(arms)],
        "cells": lambda: [cell_chart(arms, cell="seq_len=128")],
        "state": lambda: [state_chart(arms)],
        "curves": lambda: curve_charts(arms, CURVES, steps=STEPS),
        "search": lambda: search_charts(arms, name="learning rate"),
    }[name]()


ALL = ("accuracy", "cells", "state", "curves", "search")


def elements(svg: Svg, tag: str) -> list[ElementTree.Element]:
    return [element for element in ElementTree.fromstring(svg).iter() if element.tag == tag]


@pytest.mark.parametrize("name", ALL)
def test_a_chart_is_the_same_to_the_byte_each_time(name: str) -> None:
    assert drawings(name) == drawings(name)


@pytest.mark.parametrize("name", ALL)
def test_every_word_lies_within_its_drawing(name: str) -> None:
    for svg in drawings(name):
        root = ElementTree.fromstring(svg)
        width, height = map(float, root.attrib["viewBox"].split()[2:])
        for word in elements(svg, "text"):
            size = 10.5 / FONT_SIZE if "small" in word.attrib.get("class", "") else 1.0
            length = size * CHARACTER * len(word[-1].tail or "" if len(word) else word.text or "")
            x, y = float(word.attrib["x"]), float(word.attrib["y"])
            start = {"end": x - length, "middle": x - length / 2}.get(_anchor(word), x)
            assert start >= -1, word.text
            assert start + length <= width + 1, word.text
            assert 8 <= y <= height, word.text


@pytest.mark.parametrize("name", ALL)
def test_words_of_a_chart_do_not_overlap(name: str) -> None:
    for svg in drawings(name):
        boxes = []
        for word in elements(svg, "text"):
            length = 0.8 * CHARACTER * len(word.text or "")
            x, y = float(word.attrib["x"]), float(word.attrib["y"])
            start = {"end": x - length, "middle": x - length / 2}.get(_anchor(word), x)
            boxes.append((start, start + length, y - 8, y, word.text))
        for number, one in enumerate(boxes):
            for other in boxes[:number]:
                apart = one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
                assert apart, (one, other)


@pytest.mark.parametrize("name", ALL)
def test_no_colour_is_written_into_a_chart(name: str) -> None:
    for svg in drawings(name):
        assert not re.search(r"style=|fill=|stroke=|#[0-9a-f]{3}", re.sub(r'href="[^"]*"', "", svg))


def lines_of(index: int) -> list[ElementTree.Element]:
    groups = elements(drawings("curves")[0], "g")
    return list(next(group for group in groups if group.attrib.get("id") == f"curves-of-{index}"))


def test_every_arm_has_its_panel_with_a_line_for_each_seed_of_the_best_setting() -> None:
    for index, (arm, svg) in enumerate(zip(EVIDENCE.arms, drawings("curves"), strict=True)):
        own = next(group for group in elements(svg, "g") if group.attrib.get("class") == f"own k{index}")
        assert [use.attrib["href"] for use in own] == [f"#curves-of-{index}"]
        assert len(lines_of(index)) == len(arm.best.results) == 3
        assert arm.name in [word.text for word in elements(svg, "text")]


def test_what_is_used_is_written_exactly_once() -> None:
    for name in ("curves", "search"):
        page = "".join(drawings(name))
        written = re.findall(r' id="([^"]*)"', page)
        assert len(written) == len(set(written))
        assert set(re.findall(r'href="#([^"]*)"', page)) <= set(written)


def test_a_curve_rises_where_the_accuracy_does() -> None:
    heights = [float(number) for number in lines_of(0)[0].attrib["d"][1:].split()][1::2]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > 140
    assert heights[-1] < 60


def test_the_chosen_setting_is_ringed_and_failures_are_counted() -> None:
    for arm, svg in zip(EVIDENCE.arms, drawings("search"), strict=True):
        rings = [circle for circle in elements(svg, "circle") if circle.attrib["class"] == "ring"]
        assert len(rings) == 1
        failed = sum(setting.n_failed for setting in arm.settings)
        assert [word.text for word in elements(svg, "text") if "failed" in word.attrib.get("class", "")] == (
            [f"{failed} \N{MULTIPLICATION SIGN}"] if failed else []
        )


def test_every_chart_names_the_bounds_that_it_draws() -> None:
    for name in ALL:
        for svg in drawings(name):
            words = {word.text for word in elements(svg, "text")}
            if 'class="bound ' in svg:
                assert {"ceiling", "floor", "chance"} <= words
    assert all('class="bound floor"' in svg for name in ("state", "cells") for svg in drawings(name))


def test_an_arm_without_results_says_so() -> None:
    results = [result for result in EVIDENCE.results if "vanilla" in result.run_id]
    lost = [type(result)(**{**vars(result), "status": "failed", "metrics": {}}) for result in results]
    svg = accuracy_chart(evidence_of(lost).arms)
    assert "no result" in [word.text for word in elements(svg, "text")]


def test_one_seed_has_a_mark_and_no_interval() -> None:
    arms = evidence_of(results_of(n_seeds=1)).arms
    assert "whisker" not in accuracy_chart(arms) + "".join(search_charts(arms, name="x"))
    assert "whisker" in accuracy_chart(EVIDENCE.arms)


def test_the_first_56_arms_look_different() -> None:
    looks = {(index % N_COLOURS, index % len(SHAPES)) for index in range(56)}
    assert len(looks) == 56
    assert len({marker(index, (0, 0)) for index in range(56)}) == 56


def test_many_arms_have_room_for_their_names() -> None:
    models = {f"model_{number}": (0.5, 1000) for number in range(40)}
    svg = state_chart(evidence_of(results_of(models, rates=(1e-3,), n_seeds=1)).arms)
    places = sorted(
        float(word.attrib["y"]) for word in elements(svg, "text") if (word.text or "").startswith("model")
    )
    assert len(places) == 40
    assert min(b - a for a, b in pairwise(places)) >= 12.9


def test_what_is_shortened_is_told_in_full() -> None:
    assert label("abcdefghij", (0, 0), longest=5) == (
        '<text x="0" y="0"><title>abcdefghij</title>ab\N{HORIZONTAL ELLIPSIS}ij</text>'
    )


def test_axes_place_numbers() -> None:
    axis = Axis(first=1e-4, last=1e-2, start=0, stop=100, kind="log")
    assert axis.place(1e-3) == pytest.approx(50)
    assert axis.place(1.0) == 100
    assert Axis(first=3, last=3, start=0, stop=100).place(3) == 50
    assert list(steps_ticks(1185).values()) == ["0", "500", "1k"]
    assert list(steps_ticks(0)) == [0]
    assert list(log_ticks(4000, 60000).values()) == ["5k", "10k", "20k", "50k"]
    assert thousands(2_500_000) == "2.5M"


def test_spaced_places_keep_their_order_and_distance() -> None:
    places = spaced([50, 50, 50, 99], gap=10, low=0, high=100)
    assert places == sorted(places)
    assert all(b - a >= 10 for a, b in pairwise(places))
    assert places[-1] <= 100


def test_thinned_curves_keep_their_ends() -> None:
    curve = [(step, step / 1000) for step in range(1, 1001)]
    steps = shown_steps([curve])
    assert len(steps) <= 31
    assert (steps[0], steps[-1]) == (1, 1000)
    assert thinned(curve, steps)[-1] == (1000, 1.0)
    short = thinned(curve[:40], steps)
    assert [value for _, value in short if value is not None][-1] == pytest.approx(0.04)
    assert short[-1] == (1000, None)
    assert thinned([], steps)[0] == (1, None)


def _anchor(word: ElementTree.Element) -> str:
    return next((name for name in word.attrib.get("class", "").split() if name in ("end", "middle")), "")


def test_a_line_goes_through_all_of_its_points() -> None:
    points = [(number / 3, 150 - number / 7) for number in range(400)]
    (drawn,) = elements(path(points, classes="line"), "path")
    numbers = [float(number) for number in drawn.attrib["d"].removeprefix("M").split()]
    assert numbers[::2] == pytest.approx([x for x, _ in points], abs=0.051)
    assert numbers[1::2] == pytest.approx([y for _, y in points], abs=0.051)
