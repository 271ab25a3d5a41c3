"""Tests that the colours of the style sheet differ enough to be told apart."""

import re
from pathlib import Path

import pytest

STYLE = Path(__file__).with_name("static").joinpath("dashboard.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#\w{6});", scheme))
    for scheme in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2]
)

TEXT = [
    *[("ink", "paper"), ("ink", "ground"), ("ink", "raised"), ("ink", "row")],
    *[
        ("faint", "paper"),
        ("faint", "ground"),
        ("faint", "row"),
        ("accent", "paper"),
        ("accent", "ground"),
    ],
    *[("on-accent", "accent"), ("up", "paper"), ("up", "ground"), ("down", "paper")],
    *[("problem", "paper"), ("problem", "ground")],
]

SHAPES = [
    *[("views", "paper"), ("visitors", "paper"), ("visitors", "views"), ("before", "paper")],
    *[("edge", "paper"), ("edge", "ground"), ("accent", "paper"), ("accent", "ground")],
]


def luminance(colour: str) -> float:
    """Return the relative luminance, 0 to 1. Source of the formula: WCAG 2.2."""
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio, 1 to 21. Source of the formula: WCAG 2.2."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_should_compute_contrast_as_wcag_does() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


def test_should_give_every_colour_in_both_schemes() -> None:
    assert LIGHT.keys() == DARK.keys() >= set(re.findall(r"var\(--([\w-]+)\)", STYLE))


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("least", "pairs"), [(4.5, TEXT), (3, SHAPES)], ids=["text", "shapes"])
def test_should_be_told_apart(
    scheme: dict[str, str], least: float, pairs: list[tuple[str, str]]
) -> None:
    ratios = {(one, other): contrast(scheme[one], scheme[other]) for one, other in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < least} == {}
