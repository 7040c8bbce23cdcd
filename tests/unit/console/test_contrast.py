"""Colours that are used together can be read, in both themes (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from importlib.resources import files

import pytest

TOKEN = re.compile(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);")
TOKENS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in TOKEN.findall((files("console") / "static" / "tokens.css").read_text())
}
STYLES = (files("console") / "static" / "console.css").read_text()
SURFACES = ("page", "surface", "raised")
TEXTS = [
    *((text, surface) for text in ("text", "muted", "accent") for surface in SURFACES),
    *((text, surface) for text in ("over", "soon", "calm", "note") for surface in SURFACES),
    *((tone, f"{tone}-surface") for tone in ("over", "soon", "calm", "note")),
    *(("text", f"{tone}-surface") for tone in ("over", "soon", "calm", "note")),
    ("muted", "note-surface"),
    ("accent", "note-surface"),
    ("on-accent", "accent"),
]
EDGES = [(edge, surface) for edge in ("control", "focus", "accent") for surface in SURFACES]


def luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "surface"), TEXTS)
def test_text_can_be_read_on_its_surface(text: str, surface: str, theme: str) -> None:
    assert contrast(TOKENS[text][theme], TOKENS[surface][theme]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("edge", "surface"), EDGES)
def test_edge_of_a_control_can_be_seen(edge: str, surface: str, theme: str) -> None:
    assert contrast(TOKENS[edge][theme], TOKENS[surface][theme]) >= 3


def test_styles_take_their_colours_from_the_tokens() -> None:
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b", STYLES)
    used = set(re.findall(r"var\(--([\w-]+)\)", STYLES))
    sizes = {"radius", "gap", "target", "font"}
    assert used - sizes <= TOKENS.keys()


def test_contrast_of_black_on_white_is_21() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21
