"""Texts that try to become part of a page, and evidence that is full of one."""

from dataclasses import replace
from html.parser import HTMLParser

from mad.report.judging.evidence import Evidence
from mad.report.judging.experiment import Expected, Proposal
from mad.report.judging.judge import judge
from tests.report.pages.examples import evidence_of, results_of

PAYLOADS = (
    "<script>document.title='owned'</script>",
    "</title><script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'>",
    "<svg/onload=document.title='owned'>",
    "</svg><style>*{display:none}</style>",
    "</style><script>document.title='owned'</script>",
    "</text><a href='javascript:document.title=1'>click</a><text>",
    '" onmouseover="document.title=1" x="',
    "' autofocus onfocus='document.title=1",
    '"><iframe src="https://example.org"></iframe>',
    "<iframe srcdoc='&lt;script&gt;document.title=1&lt;/script&gt;'>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<base href=https://example.org/>",
    "<link rel=stylesheet href=https://example.org/a.css>",
    "<form action=https://example.org><input name=a><button>go</button></form>",
    "<!-- --!><b>bold</b>",
    "<![CDATA[<b>bold</b>]]>",
    "<details open ontoggle=document.title=1>",
    "javascript:document.title=1",
    "[click](javascript:document.title=1)",
    "[click](https://example.org 'title') ![shown](https://example.org/a.png)",
    "<https://example.org> www.example.org https://example.org a@example.org",
    "[click]: https://example.org\n\n[click] [click][click]",
    "{{ 7 * 7 }} {% for a in range(9) %}<b>x</b>{% endfor %} {# gone #}",
    "a | b || c \\| d `code` ``more`` ```\n```\n<b>bold</b>",
    "first\n\n# heading\n\n- item\n\n| a | b |\n|---|---|\n| <b>c</b> | d |\n",
    "\\3c script\\3e  expression(alert(1)) url(https://example.org) </style>}*{color:red}",
    "**bold** _em_ ~~gone~~ &lt;b&gt; &#60;b&#62; &#x3c;script&#x3e;",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200b\ufeff\u2028line\u2029",
    "\x1b[31mred\x1b[0m \x1b]8;;https://example.org\x07link\x1b]8;;\x07 \x00\x08\x7f\x9b",
    "\ud800 lone, \U000e0041 tag, " + "long" * 3000,
    "../../../../etc/passwd?x=<b>#//example.org",
    "    indented\n\t<b>code</b>\n\n> quote\n\n1) one\n---\n===\n***",
)

MARKS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff\u2028\u2029\x1b\x00\x08\x7f\x9b"
"""Characters that no page may hold."""


def full_of(text: str) -> Evidence:
    """Evidence in which every name, claim, error, key and label is the text."""
    models = {f"{text}{number}": (0.9 - number / 10, 1000 + number) for number in range(3)}
    results = results_of(models, rates=(1e-3, 3e-3), n_seeds=2)
    results = [
        replace(
            result,
            cells={f"{text}{name}": cell for name, cell in result.cells.items()},
            config={**result.config, text: {text: text, "plain": text}, "seed": result.config["seed"]},
            stamp={
                **result.stamp,
                **dict.fromkeys(("device", "platform", "commit"), text),
                "versions": {text: text},
            },
            code=text,
        )
        for result in results
    ]
    # Not every arm was tried at every rate, one run has not ended, and one is there twice.
    results = [*results[:-2], replace(results[1], run_id=f"{text}-copy")]
    results[3] = replace(results[3], status="preempted", error=text, metrics={}, cells={})
    evidence = evidence_of()
    experiment = replace(
        evidence.experiment,
        name=text,
        question=text,
        hypothesis=text,
        proposal=Proposal(id=text, priority="high"),
        expected=Expected(minutes=1, usd=1, result=text),
        criteria=(),
    )
    losses = [
        replace(loss, label=text, status=text, error=text, console_file=text) for loss in evidence.losses
    ]
    judged = judge(experiment, results=results, losses=losses, changes=[text], command=text)
    criterion = evidence.checks[0].criterion
    criteria = [
        replace(criterion, claim=text, where={text: text}, metric=text, gap_to={text: text}, published=text)
    ]
    checks = [replace(evidence.checks[0], criterion=each, reason=text) for each in criteria]
    return replace(judged, checks=tuple(checks), reasons=(text, *judged.reasons))


class Parsed(HTMLParser):
    """What a browser would see: elements with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.comments: list[str] = []
        self.text = self.title = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.elements and self.elements[-1][0] == "title" and not self.title:
            self.title = data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_decl(self, decl: str) -> None:
        if decl.lower() != "doctype html":
            self.comments.append(decl)

    def unknown_decl(self, data: str) -> None:
        self.comments.append(data)

    def handle_pi(self, data: str) -> None:
        self.comments.append(data)

    @property
    def skeleton(self) -> list[tuple[str, tuple[tuple[str, str | None], ...]]]:
        """The elements less what may differ: spoken names, link targets, and the full text of a short one."""
        return [
            (tag, tuple((name, None if name in ("aria-label", "href") else value) for name, value in attrs))
            for tag, attrs in self.elements
            if tag != "title"
        ]

    @property
    def targets(self) -> list[str]:
        """Where links lead."""
        return [value or "" for _, attrs in self.elements for name, value in attrs if name in ("href", "src")]
