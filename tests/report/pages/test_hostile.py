import shutil
import subprocess
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from mad.report.pages.log import decision_entry, sweep_entry
from mad.report.pages.page import markdown
from mad.report.pages.webpage import html
from tests.faults.lines import IS_FULL
from tests.report.pages.examples import curves_of
from tests.report.pages.hostile import MARKS, PAYLOADS, Parsed, full_of
from tests.report.pages.test_log import NOON

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

OF_A_DECISION = {
    *("p", "em", "strong", "code", "pre", "ol", "ul", "li", "blockquote", "hr", "br", "s", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
"""Elements that Markdown is for."""

ALL_AT_ONCE = " ".join(payload[:200] for payload in PAYLOADS)

IDS = [str(number) for number in range(len(PAYLOADS))]


def rendered(text: str) -> str:
    """Markdown as a reader shows it that lets HTML through."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)


def web(text: str, decision: str | None = None) -> Parsed:
    evidence = full_of(text)
    return Parsed(html(evidence, decision, curves=curves_of(evidence.results)))


def paper(text: str, decision: str | None = None) -> Parsed:
    evidence = full_of(text)
    return Parsed(rendered(markdown(evidence, decision, curves=curves_of(evidence.results))))


@pytest.fixture(scope="module")
def harmless() -> tuple[Parsed, Parsed]:
    return web("harmless"), paper("harmless")


def test_there_are_thirty_payloads() -> None:
    assert len(set(PAYLOADS)) >= 30


@pytest.mark.parametrize("payload", PAYLOADS, ids=IDS)
def test_no_element_attribute_style_or_link_of_the_web_page_comes_from_a_name(
    payload: str, harmless: tuple[Parsed, Parsed]
) -> None:
    page = web(payload)
    assert page.skeleton == harmless[0].skeleton
    assert page.comments == []
    assert all(target.startswith(("./", "#")) or target == "report.md" for target in page.targets)


@pytest.mark.parametrize("payload", PAYLOADS, ids=IDS)
def test_no_element_attribute_or_link_of_the_markdown_page_comes_from_a_name(
    payload: str, harmless: tuple[Parsed, Parsed]
) -> None:
    page = paper(payload)
    assert page.skeleton == harmless[1].skeleton
    assert page.comments == []
    assert all(target.startswith("./") or target == "report.html" for target in page.targets)


@pytest.mark.parametrize("payload", PAYLOADS, ids=IDS)
def test_no_page_holds_what_hides_or_steers(payload: str) -> None:
    evidence = full_of(payload)
    for page in (
        html(evidence, payload, curves={}),
        markdown(evidence, payload, curves={}),
        sweep_entry(evidence, at=NOON),
    ):
        assert not [mark for mark in MARKS if mark in page]
        page.encode()


@pytest.mark.parametrize("payload", PAYLOADS, ids=IDS)
def test_a_decision_brings_layout_only(payload: str, harmless: tuple[Parsed, Parsed]) -> None:
    for page, plain in zip((web("harmless", payload), paper("harmless", payload)), harmless, strict=True):
        assert_layout_only(page, plain)


def assert_layout_only(page: Parsed, plain: Parsed) -> None:
    """What a page has more than a plain one is layout, and leads to the web or to a mailbox at most."""
    extra = list(page.elements)
    for element in plain.elements:
        if element in extra:
            extra.remove(element)
    assert {tag for tag, _ in extra} <= OF_A_DECISION
    for tag, attributes in extra:
        names = {name for name, _ in attributes}
        assert names <= ({"href", "rel"} if tag == "a" else {"start"} if tag == "ol" else {"style"})
        assert all(
            value in ("text-align:left", "text-align:right") for name, value in attributes if name == "style"
        )
    assert all(target.startswith(("./", "#", "https://", "mailto:", "report.")) for target in page.targets)


def test_the_text_of_a_name_is_shown_as_it_is() -> None:
    name = PAYLOADS[0]
    assert name in web(name).text
    assert name in paper(name).text


@pytest.mark.parametrize("payload", PAYLOADS, ids=IDS)
def test_an_entry_of_the_log_stays_one_entry(payload: str) -> None:
    evidence = full_of(payload)
    calm = full_of("harmless")
    for entry, other in (
        (sweep_entry(evidence, at=NOON), sweep_entry(calm, at=NOON)),
        (decision_entry(evidence, payload, at=NOON), decision_entry(calm, "harmless", at=NOON)),
    ):
        assert len(entry.splitlines()) == len(other.splitlines())
        body = Parsed(rendered(entry.partition("\n")[2]))
        assert body.skeleton == Parsed(rendered(other.partition("\n")[2])).skeleton


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("payload", [*PAYLOADS, ALL_AT_ONCE] if IS_FULL else [ALL_AT_ONCE])
def test_a_browser_finds_and_fetches_nothing_that_comes_from_a_name(payload: str, tmp_path: Path) -> None:
    shown = payload.encode(errors="replace").decode()
    plain = in_browser("harmless", None, tmp_path)
    named, decided = in_browser(shown, None, tmp_path), in_browser("harmless", shown, tmp_path)
    assert named.skeleton == plain.skeleton
    assert named.title.endswith(plain.title.removeprefix("harmless"))
    assert decided.title == plain.title
    assert_layout_only(decided, plain)


def in_browser(text: str, decision: str | None, folder: Path) -> Parsed:
    """The page as the browser has it after its scripts, if any, have run. It must ask nobody for anything."""
    evidence, file = full_of(text), folder / "page.html"
    file.write_text(html(evidence, decision, curves=curves_of(evidence.results)), encoding="utf-8")
    command = [
        *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *(f"--user-data-dir={folder / 'profile'}", f"--log-net-log={folder / 'net.json'}"),
        *("--dump-dom", file.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "example.org" not in (folder / "net.json").read_text(errors="replace")
    return Parsed(done.stdout)
