"""``report.html``: the report in one file that needs no network and no script, on a screen and on paper.

Foreign text stays text: the template escapes everything that is not a drawing of :mod:`svg`, links
lead to files of the experiment's folder only, and the policy in the page's head forbids the rest.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from mad.report.judging.evidence import Evidence
from mad.report.pages.blocks import Charts, Code, Items, Paragraph, Quote, Table
from mad.report.pages.curves import Curves
from mad.report.pages.history import Snapshot
from mad.report.pages.page import relative
from mad.report.pages.sections import report
from mad.report.pages.wording import plain_lines

if TYPE_CHECKING:
    from jinja2 import Template
    from markdown_it.token import Token

KINDS = {
    Paragraph: "paragraph",
    Items: "items",
    Table: "table",
    Charts: "charts",
    Code: "code",
    Quote: "quote",
}
"""What the template calls a block."""

SCHEMES = ("https://", "http://", "mailto:")
"""Where a link of a decision may lead."""

LOWEST = 6
"""The smallest heading there is."""


def html(
    evidence: Evidence, decision: str | None, *, curves: Curves, history: Sequence[Snapshot] = ()
) -> str:
    """The whole page. The same evidence gives the same bytes."""
    said = report(evidence, decision, curves=curves, history=history)
    return _template().render(report=said)


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mad.report.pages", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["kind_of"] = _kind
    environment.filters |= {"drawing": _drawing, "quotation": quotation, "relative": relative}
    return environment.get_template("page.html.j2")


def quotation(markdown: str) -> str:
    """A person's Markdown as HTML: no HTML of its own, no images, links to the web and to mail only."""
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    reader = MarkdownIt("js-default", {"html": False, "linkify": False}).disable("image")
    tokens = reader.parse(plain_lines(markdown))
    return Markup(reader.renderer.render(_below(tokens), reader.options, {}))


def _below(tokens: Sequence["Token"]) -> list["Token"]:
    """Headings two steps down, since the page has its own, and links cleaned."""
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + 2, LOWEST)}"
        token.attrs = {key: value for key, value in token.attrs.items() if key in ("start", "href")}
        token.info = ""
        if token.children:
            token.children = _below(token.children)
        if token.type == "link_open":
            target = str(token.attrs.get("href", ""))
            token.attrs = {"href": target, "rel": "noreferrer"} if target.startswith(SCHEMES) else {}
    return list(tokens)


def _kind(block: Any) -> str:
    return KINDS[type(block)]


def _drawing(svg: str) -> str:
    from markupsafe import Markup

    return Markup(svg)
