"""An HTML page as a reader has it: its texts, its links, and whether it is sound."""

from html.parser import HTMLParser

INLINE = frozenset({"a", "b", "code", "strong", "time"})
VOID = frozenset({"meta", "input", "link", "br", "img"})


class Page(HTMLParser):
    """Parses at once; `AssertionError` where tags do not close in their order.

    SVG's own closed tags (`<path/>`) are no void elements, and are not opened.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text_parts: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text_parts.append("" if tag in INLINE else " ")
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text_parts.append(data)

    @property
    def words(self) -> str:
        """All that is to be read, spaces joined."""
        return " ".join("".join(self.text_parts).split())

    def values(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [value for _, attribute, value in self.attributes if attribute == name]

    def classes(self, tag: str) -> list[str]:
        """The class attribute of every such element that has one."""
        return [v for t, name, v in self.attributes if (t, name) == (tag, "class")]
