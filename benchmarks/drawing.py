"""Draw SVG images of lines and words, for the benchmarks."""

from collections.abc import Iterable, Sequence

Point = tuple[float, float]


def image(width: float, height: float, parts: Iterable[str]) -> str:
    """Return an image of that size, on white."""
    begin = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">'
    )
    return "\n".join(
        [begin, f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>\n"]
    )


def words(place: Point, text: str, anchor: str = "start", color: str = "black") -> str:
    """Return text that starts, has its middle, or ends at a place."""
    x, y = place
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{color}">{text}</text>'


def grid_line(y: float, left: float, right: float) -> str:
    """Return a pale horizontal line."""
    return f'<path d="M{left:.0f} {y:.0f}H{right:.0f}" stroke="#ddd"/>'


def curve(points: Sequence[Point], color: str) -> str:
    """Return a line through the points."""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>'


def area(points: Sequence[Point], color: str) -> str:
    """Return a transparent area between the points."""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{path}Z" fill="{color}" fill-opacity="0.15"/>'
