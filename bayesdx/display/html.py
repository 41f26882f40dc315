"""Blocks as HTML: within a notebook, and as a whole page without scripts that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from bayesdx.display.blocks import Alert, Bar, Block, Entries, Figure, Grid, Items, Mark, Note, Passage, Title
from bayesdx.display.wording import clean

Heading = Callable[[str, int], str]
"""Draws a title of a level."""

EMERGENCY, URGENT, ROUTINE = "#a3142a", "#7a4300", "#44505c"
"""Colours of alerts: dark enough as the ground of white text, and as text on white paper (contrast above 7)."""

STYLE = f"""
.bdx{{font-family:system-ui,sans-serif;max-width:62em}}
.bdx h1{{font-size:1.3em;margin:.2em 0}}.bdx h2{{font-size:1.1em;margin:1.5em 0 .3em}}
.bdx h3{{font-size:1em;margin:1em 0 .2em}}
.bdx table{{border-collapse:collapse;margin:.4em 0}}
.bdx.bdx table td,.bdx.bdx table th{{padding:.15em .7em;text-align:left;border:0;vertical-align:top}}
.bdx.bdx table thead th,.bdx.bdx thead+tbody td{{border-bottom:1px solid #8884}}
.bdx.bdx table .n{{text-align:right}}.bdx td.n{{white-space:nowrap;font-variant-numeric:tabular-nums}}
.bdx table:not(:has(thead)) td:first-child{{min-width:4em}}
.bdx svg.bar{{display:block;width:12em;height:.85em;margin-top:.3em}}
.bdx .track{{fill:#8883}}.bdx .fill{{fill:#2b86c8}}.bdx .against{{fill:#c4781a}}.bdx .plain{{fill:#8a8f98}}
.bdx .whisker{{fill:currentColor}}
.bdx .flag{{margin:.3em 0;padding:.5em .8em;border-radius:4px;color:#fff;background:{URGENT}}}
.bdx .emergency{{background:{EMERGENCY}}}.bdx .routine{{background:{ROUTINE}}}
.bdx .note{{opacity:.8;font-size:.9em;overflow-wrap:anywhere}}
.bdx .passage{{line-height:1.7}}
.bdx mark{{background:rgba(40,130,80,.22);color:inherit;border-radius:3px;padding:0 .15em}}
.bdx mark.left{{background:none;border-bottom:1px dashed currentColor}}
.bdx mark.against{{background:rgba(190,100,0,.25)}}
.page.sections :is(table:has(+table),table+table){{display:inline-table;vertical-align:top;margin-right:1.5em}}
.bdx figure{{max-width:40em;margin:1em 0}}.bdx figcaption{{opacity:.8;font-size:.9em}}
.bdx .wide-figure{{max-width:none}}.bdx .wide-figure svg{{display:block;max-width:100%;height:auto}}
.page{{color-scheme:light dark;margin:0 auto;padding:1em;background:Canvas;color:CanvasText;line-height:1.45;
overflow-wrap:break-word}}
.page table{{display:block;overflow-x:auto}}
.page table:has(svg){{display:table;width:100%}}.page .b{{width:26%}}.page svg.bar{{width:100%;min-width:4em}}
.page .flags{{position:sticky;top:0}}
@media(max-width:34rem){{.bdx .wide{{display:none}}.page svg.bar{{min-width:2em}}.page .b{{width:20%}}
.bdx.bdx table td,.bdx.bdx table th{{padding-left:0;padding-right:.35em;overflow-wrap:anywhere}}
.page table:not(:has(thead)) td{{display:block}}.page table:not(:has(thead)) td:first-child{{opacity:.8}}}}
@media print{{.page{{color-scheme:light;padding:0;max-width:none}}.page .flags{{position:static}}
.bdx .flag,.bdx svg{{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
.bdx .flag{{background:#fff;color:{URGENT};border:2px solid {URGENT};border-left-width:.6em;break-inside:avoid}}
.bdx .emergency{{color:{EMERGENCY};border-color:{EMERGENCY}}}
.bdx .routine{{color:{ROUTINE};border-color:{ROUTINE}}}
.bdx h2,.bdx h3{{break-after:avoid}}.bdx tr,.bdx figure{{break-inside:avoid}}
.sections{{font-size:8pt;line-height:1.25}}.sections nav{{display:none}}
.page.sections table:not(:has(+table),table+table){{display:table}}
.sections p,.sections figure{{margin:.4em 0}}.sections.bdx.bdx table td,.sections.bdx.bdx table th{{padding:.05em .6em}}
.sections h2:not(:first-of-type){{break-before:page}}.sections .wide-figure svg{{max-height:218mm}}}}
"""
"""Rules for cells repeat a class to outweigh JupyterLab's, which align every cell by two classes and an element."""


def escaped(text: object) -> str:
    """Clean text for HTML, in an attribute too.

    Examples
    --------
    >>> escaped("a < 'b'")
    'a &lt; &#x27;b&#x27;'
    """
    return html.escape(clean(text), quote=True)


def digest(text: str) -> str:
    """The source of a Content-Security-Policy that allows this script or style sheet within a page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def content_policy(**sources: str) -> str:
    """A Content-Security-Policy that allows the sources that are named and nothing else.

    Parameters
    ----------
    **sources : str
        Sources by kind: ``script``, ``style``, ``img``, ``connect``.

    Examples
    --------
    >>> content_policy(style="'self'")
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'"
    """
    named = [f"{kind}-src {source}" for kind, source in sources.items()]
    return "; ".join(["default-src 'none'", *named, "base-uri 'none'", "form-action 'none'"])


def whole_page(title: object, body: str, kind: str, *, style: str = "", policy: str = "", head: str = "") -> str:
    """A page around a body: its title, how it is drawn, what it may load.

    Parameters
    ----------
    title : str
    body : str
        HTML.
    kind : str
        Classes of the body.
    style : str
        Style sheet within the page.
    policy : str
        Content-Security-Policy within the page; a server that sends it as a header needs none here.
    head : str
        HTML of further lines of the head.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        + (f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n' if policy else "")
        + '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        + f"<title>{escaped(title)}</title>\n{head}"
        + (f"<style>{style}</style>\n" if style else "")
        + f'</head>\n<body class="{kind}">\n{body}\n</body>\n</html>\n'
    )


def as_fragment(blocks: Iterable[Block]) -> str:
    """Blocks with their style sheet, for a notebook; titles are bold paragraphs, no part of its contents.

    Examples
    --------
    >>> as_fragment(["a < b"]).partition("</style>")[2]
    "<div class='bdx'><p>a &lt; b</p></div>"
    """
    return f"<style>{STYLE}</style><div class='bdx'>{''.join(_drawn(blocks, _bold))}</div>"


def as_page(blocks: Iterable[Block], title: str, *, contents: bool = False, sections: bool = False) -> str:
    """Blocks as a whole page without scripts or outside references; every text is escaped.

    Parameters
    ----------
    blocks : iterable of Block
        A title that comes first is that of the page.
    title : str
        What the window is called.
    contents : bool
        Whether links to the sections stand below the title.
    sections : bool
        Whether each section begins a new page in print.
    """
    links: list[str] = []
    titled = False

    def heading(text: str, level: int) -> str:
        nonlocal titled
        if not titled:
            titled = True
            return f"<h1>{escaped(text)}</h1>"
        if level > 2 or not contents:
            return f"<h{level}>{escaped(text)}</h{level}>"
        links.append(f"<a href='#part-{len(links) + 1}'>{escaped(text)}</a>")
        return f"<h2 id='part-{len(links)}'>{escaped(text)}</h2>"

    parts = list(_drawn(blocks, heading))
    if links:
        parts.insert(1, f"<nav aria-label='Contents'>{' · '.join(links)}</nav>")
    body = "<main>\n{}\n</main>".format("\n".join(parts))
    kind = "bdx page sections" if sections else "bdx page"
    return whole_page(title, body, kind, style=STYLE, policy=content_policy(style=digest(STYLE)))


def _bold(text: str, _: int) -> str:
    return f"<p><b>{escaped(text)}</b></p>"


def _drawn(blocks: Iterable[Block], heading: Heading) -> Iterator[str]:
    """Each block as HTML; alerts that follow each other stand together."""
    for alarms, some in groupby(blocks, lambda block: isinstance(block, Alert)):
        if alarms:
            yield f"<div class='flags'>{''.join(_alert(block) for block in some if isinstance(block, Alert))}</div>"
        else:
            for block in some:
                yield _block(block, heading)


def _block(block: Block, heading: Heading) -> str:
    match block:
        case Title(text, level):
            return heading(text, level)
        case Grid(title=title):
            return (heading(title, 2) if title else "") + _table(block)
        case Entries(rows, title):
            return (heading(title, 2) if title else "") + _table(Grid((), rows))
        case Items(texts):
            return f"<ul>{''.join(f'<li>{escaped(text)}</li>' for text in texts)}</ul>"
        case Figure(svg, caption, wide):
            kind = " class='wide-figure'" if wide else ""
            drawn = f"<figure{kind} role='img' aria-label='{escaped(caption)}'>{svg}"
            return f"{drawn}<figcaption>{escaped(caption)}</figcaption></figure>"
        case Passage():
            return f"<p class='passage'>{''.join(_piece(text, mark) for text, mark in block.pieces())}</p>"
        case Note(text):
            return f"<p class='note'>{escaped(text)}</p>"
    return f"<p>{escaped(block)}</p>"


def _alert(block: Alert) -> str:
    lead = f"<b>{escaped(block.lead)}</b> " if block.lead else ""
    kind = escaped(f"flag {block.urgency}".strip())
    return f"<div class='{kind}' role='alert'>{lead}{escaped(block.text)}</div>"


def _table(grid: Grid) -> str:
    """A table; a heading is aligned as the cells below it."""
    bars = {place for row in grid.rows for place, cell in enumerate(row) if isinstance(cell, Bar)}
    kinds = []
    for place in range(len(grid.header) or 2):
        spare = place in grid.spare and place not in bars
        said = {"n": place in grid.numeric, "b": place in bars, "wide": spare}
        names = " ".join(name for name, holds in said.items() if holds)
        kinds.append(f" class='{names}'" if names else "")
    head = "".join(f"<th{kind}>{escaped(text)}</th>" for kind, text in zip(kinds, grid.header, strict=False))
    rows = (
        "".join(f"<td{kind}>{_cell(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)) for row in grid.rows
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def _cell(cell: object) -> str:
    if not isinstance(cell, Bar):
        return escaped(cell)
    shapes = f"<rect class='track' width='100' height='9'/>{_span(cell.kind or 'fill', cell.start, cell.stop, 0, 9)}"
    if cell.interval:
        shapes += _span("whisker", *cell.interval, 4, 1.4)
    return f"<svg class='bar' viewBox='0 0 100 9' preserveAspectRatio='none' aria-hidden='true'>{shapes}</svg>"


def _span(kind: str, start: float, stop: float, top: float, height: float) -> str:
    width = max(0.4, 100 * (stop - start))
    return f"<rect class='{kind}' x='{100 * start:.2f}' y='{top:g}' width='{width:.2f}' height='{height:g}'/>"


def _piece(piece: str, mark: Mark | None) -> str:
    shown = "<br>".join(escaped(line) for line in piece.split("\n"))
    if mark is None:
        return shown
    kind = f" class='{escaped(mark.kind)}'" if mark.kind else ""
    return f"<mark{kind} title='{escaped(mark.text)}'>{shown}</mark>"
