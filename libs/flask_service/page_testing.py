"""Read HTML in tests as a browser would, and fail where it is malformed."""

from dataclasses import dataclass
from html.parser import HTMLParser

_VOID = {"img", "input", "link", "meta"}


@dataclass
class Element:
    """An element of a page; text is what it and the elements in it show."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


class Page(HTMLParser):
    """The elements of a page, in order. Fails if a tag is not closed or an id is not unique."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(markup)
        self.close()
        assert not self._open, f"not closed: {self._open}"
        ids = [each.attributes["id"] for each in self.elements if "id" in each.attributes]
        assert len(ids) == len(set(ids)), ids

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an element."""
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Close the last element."""
        assert self._open and self._open[-1].tag == tag, f"</{tag}> closes {self._open[-1:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Add text to all open elements."""
        for element in self._open:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        """Return the elements with a tag."""
        return [element for element in self.elements if element.tag == tag]

    def copied(self) -> dict[str, str]:
        """Return the texts to copy, by id. Like browsers, drop a line break at the beginning."""
        areas = self.all("textarea")
        return {area.attributes["id"]: area.text.removeprefix("\n") for area in areas}

    def one(self, id_: str) -> Element:
        """Return the element with an id."""
        (element,) = [each for each in self.elements if each.attributes.get("id") == id_]
        return element
