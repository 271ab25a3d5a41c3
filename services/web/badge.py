"""Badges that show a number beside its label: an SVG image, and JSON for shields.io."""

import html
import math
import re
import unicodedata
from dataclasses import dataclass

MAX_CHARACTERS = 64
"""How much of a label or text is shown. If it is longer, the last character is an ellipsis."""

COLOURS = {
    "blue": "0b68b3",
    "brightgreen": "44cc11",
    "green": "1f7a34",
    "grey": "595959",
    "orange": "fe7d37",
    "purple": "7a3fb0",
    "red": "c62f22",
    "yellow": "dfb317",
}
"""Names of colours, each in 6 hexadecimal digits."""

DEFAULT_COLOUR = "blue"

_HEIGHT_PIXELS = 20


@dataclass(frozen=True)
class _Style:
    """How a badge is drawn; lengths are in pixels."""

    radius: int | None
    """Of the corners; None for no background."""
    padding: int = 6
    label_colour: str = "555555"


_STYLES = {
    "flat": _Style(3),
    "flat-square": _Style(0),
    "pill": _Style(10, padding=9, label_colour="e4e8ef"),
    "plain": _Style(None),
}

STYLES = tuple(_STYLES)
"""Names of styles."""

DEFAULT_STYLE = "flat"

NO_BADGE = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
"""An image in SVG that shows nothing."""

_PLAIN_COLOUR = "767676"  # its contrast is 4.5 with white and 4.6 with black

_UNITS = {"T": 10**12, "B": 10**9, "M": 10**6}

# The widths of characters in pixels, at font size 11, measured in DejaVu Sans and rounded. Those of
# Verdana are the same.
_WIDTHS = {
    character: width
    for width, characters in {
        3.2: "'IJijl",
        3.6: " ,-./:;\\f|",
        4.4: "!()[]rt",
        5.5: '"*_`',
        5.9: "?Lcsz",
        6.6: "FPTYaekovxy",
        7.0: "$0123456789ESbdghnpqu{}",
        7.6: "ABCKRVXZ",
        8.3: "&DGHNU",
        8.8: "OQw",
        9.3: "#+<=>M^~",
        10.8: "%@Wm",
    }.items()
    for character in characters
}
_WIDTH_OF_WIDE = 13.0  # emoji; Chinese, Japanese and Korean take 11
_WIDTH_OF_OTHERS = 8.0

_JOINERS = "\u200c\u200d"  # Persian and composed emoji need them


def badge_svg(
    label: str, value: int | str, colour: str = DEFAULT_COLOUR, style: str = DEFAULT_STYLE
) -> str:
    """Return an image in SVG, 20 pixels high. Any text is accepted: it is cleaned and escaped.

    A number is shortened from a million. colour is a key of COLOURS, or 3 or 6 hexadecimal digits
    with or without "#"; anything else means DEFAULT_COLOUR. style is one of STYLES, where "plain"
    is grey text on no background; anything else means DEFAULT_STYLE. An empty label is left out.
    """
    drawn = _STYLES.get(style, _STYLES[DEFAULT_STYLE])
    label, text = _clean(label), _text(value)
    name = html.escape(": ".join(filter(None, (label, text))))
    left = math.ceil(_width(label)) + 2 * drawn.padding if label else 0
    right = math.ceil(_width(text)) + 2 * drawn.padding
    size = f'width="{left + right}" height="{_HEIGHT_PIXELS}"'
    whole = "" if drawn.radius is None else f'{size} rx="{drawn.radius}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{name}">'
        f"<title>{name}</title>"
        '<g text-anchor="middle" font-family="Verdana,DejaVu Sans,Geneva,sans-serif"'
        ' font-size="11">'
        + (_part(label, 0, left, whole, drawn.label_colour) if label else "")
        + _part(text, left, right, whole, _hex(colour))
        + "</g></svg>"
    )


def shields_json(
    label: str, value: int | str, colour: str = DEFAULT_COLOUR
) -> dict[str, str | int]:
    """Return what https://shields.io/badges/endpoint-badge expects, for its own styles and logos.

    The arguments are those of badge_svg.
    """
    return {
        "schemaVersion": 1,
        "label": _clean(label),
        "message": _text(value),
        "color": _hex(colour),
    }


def short_number(number: int) -> str:
    """Return a number as 999,999 or, from a million, as 1.2M, 1.2B or 1.2T, rounded down."""
    for unit, size in _UNITS.items():
        if number >= size:
            return f"{number * 10 // size / 10:,.1f}{unit}"
    return f"{number:,}"


def _part(text: str, x: int, width: int, whole: str, colour: str) -> str:
    """Return a part of a badge, at x pixels; whole gives the form of the whole badge, if any.

    The inner <svg> cuts the part out of the whole. So no id is needed, which could be twice in a
    page, and no text runs into the other part.
    """
    background = f'<rect x="{-x}" {whole} fill="#{colour}"/>' if whole else ""
    ink = _ink_on(colour) if whole else _PLAIN_COLOUR
    return (
        f'<svg x="{x}" width="{width}" height="{_HEIGHT_PIXELS}">{background}'
        f'<text x="{width / 2}" y="14" fill="#{ink}"{_shaping(text)}>{html.escape(text)}</text>'
        "</svg>"
    )


def _text(value: int | str) -> str:
    return short_number(value) if isinstance(value, int) else _clean(value)


def _clean(text: str) -> str:
    """Return one line without control characters and whatever else XML or a reader cannot bear."""
    kept = (
        character
        for character in text
        if character.isspace()
        or character in _JOINERS
        or not unicodedata.category(character).startswith("C")
    )
    line = " ".join("".join(kept).split())
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1] + "…"


def _hex(colour: str) -> str:
    """Return a colour as 6 hexadecimal digits."""
    if match := re.fullmatch(r"#?([0-9a-f]{6})|#?([0-9a-f]{3})", colour.lower()):
        return match[1] or "".join(2 * digit for digit in match[2])
    return COLOURS.get(colour, COLOURS[DEFAULT_COLOUR])


def _ink_on(background: str) -> str:
    """Return white or black, whichever has more contrast; it is always at least 4.5.

    https://www.w3.org/TR/WCAG22/#dfn-relative-luminance defines luminance and contrast. Both
    contrasts are equal where (luminance + 0.05)² = 1.05 · 0.05.
    """
    parts = [int(background[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "ffffff" if (luminance + 0.05) ** 2 <= 1.05 * 0.05 else "000000"


def _width(text: str) -> float:
    """Return the width of a text in pixels, a guess for characters beyond ASCII."""
    return sum(map(_width_of, text))


def _width_of(character: str) -> float:
    if width := _WIDTHS.get(character):
        return width
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    wide = unicodedata.east_asian_width(character) in ("W", "F")
    return _WIDTH_OF_WIDE if wide else _WIDTH_OF_OTHERS


def _shaping(text: str) -> str:
    """Return the attributes of a text that depend on its script."""
    if text.isascii():
        # Fill the width even if another font is used. It would tear Arabic letters apart.
        return f' textLength="{_width(text):.1f}"'
    strong = (unicodedata.bidirectional(character) for character in text)
    first = next((direction for direction in strong if direction in ("L", "R", "AL")), "L")
    return "" if first == "L" else ' direction="rtl"'
