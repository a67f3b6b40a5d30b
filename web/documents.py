"""Documents of others, shown safely: a subset of Markdown, in which no HTML, image or script comes through."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_LONGEST = 200_000
_reader = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable("image")


def rendered(text: str, *, headings_from: int = 3) -> Markup:
    """The text as HTML whose headings begin at this level; what is no Markdown reads as plain text."""
    cut = text[:_LONGEST]
    tokens = _reader.parse(cut)
    for token in tokens:
        _tame(token, headings_from)
    html = _reader.renderer.render(tokens, _reader.options, {})
    rest = "" if len(text) == len(cut) else "<p><em>The document goes on; download it to read the rest.</em></p>"
    return Markup(html + rest)  # noqa: S704 - the reader escapes all HTML and refuses other schemes than the usual ones


def _tame(token: Token, headings_from: int) -> None:
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(int(token.tag[1]) + headings_from - 1, 6)}"
    if token.type == "table_open":
        token.attrSet("class", "gw-table gw-table-dense")
    for child in token.children or []:
        if child.type == "link_open":
            child.attrSet("rel", "noopener noreferrer nofollow")
