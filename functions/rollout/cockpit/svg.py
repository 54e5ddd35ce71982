"""Lines, bands and dots over time, as SVG that stretches to any width. Its labels are HTML, which does not stretch.

The picture has 1,000 × 1,000 units, whatever its size on the screen. Strokes keep their width (`vector-effect`, in the
style sheet), and a dot is a stroke without length: so neither is distorted when the picture is stretched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rollout.cockpit.markup import Markup, joined, tag

UNITS = 1000.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """The range of each axis, and where a value lies in it; values beyond are cut."""

    least_x: float
    most_x: float
    least_y: float
    most_y: float

    def x(self, value: float) -> float:
        """Units from the left."""
        share = (value - self.least_x) / (self.most_x - self.least_x)
        return round(UNITS * min(1.0, max(0.0, share)), 1)

    def y(self, value: float) -> float:
        """Units from the top."""
        share = (value - self.least_y) / (self.most_y - self.least_y)
        return round(UNITS * (1.0 - min(1.0, max(0.0, share))), 1)

    def left_percent(self, value: float) -> float:
        """The same as `x`, in percent of the width."""
        return round(self.x(value) / UNITS * 100, 2)

    def top_percent(self, value: float) -> float:
        """The same as `y`, in percent of the height."""
        return round(self.y(value) / UNITS * 100, 2)


def picture(title: str, description: str, *parts: Markup) -> Markup:
    """The SVG element with its text alternative."""
    words = joined(tag("title", title), tag("desc", description))
    return tag(
        "svg",
        words,
        *parts,
        viewBox=f"0 0 {UNITS:g} {UNITS:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{title}. {description}",
    )


def line(frame: Frame, points: Sequence[Point], class_: str) -> Markup:
    """A line through the points; one point alone is a dot."""
    if not points:
        return Markup("")
    if len(points) == 1:
        return dots(frame, points, class_)
    path = " ".join(f"{frame.x(x):g},{frame.y(y):g}" for x, y in points)
    return tag("polyline", points=path, class_=f"rp-line {class_}")


def corners(points: Sequence[Point], until: float) -> list[Point]:
    """The corners of a line that keeps each value until the next, and the last one until the end."""
    found: list[Point] = []
    for x, y in points:
        found += [(x, found[-1][1]), (x, y)] if found else [(x, y)]
    return [*found, (until, found[-1][1])] if found else []


def area(frame: Frame, lower: Sequence[Point], upper: Sequence[Point], class_: str) -> Markup:
    """The area between two lines."""
    if len(upper) < 2:
        return Markup("")
    path = " ".join(f"{frame.x(x):g},{frame.y(y):g}" for x, y in (*upper, *reversed(lower)))
    return tag("polygon", points=path, class_=class_)


def dots(frame: Frame, points: Iterable[Point], class_: str) -> Markup:
    """One round dot for each point."""
    path = "".join(f"M{frame.x(x):g} {frame.y(y):g}h.01" for x, y in points)
    return tag("path", d=path, class_=f"rp-dots {class_}") if path else Markup("")


def across(frame: Frame, y: float, class_: str) -> Markup:
    """A line from left to right."""
    return tag("line", x1=0, x2=f"{UNITS:g}", y1=f"{frame.y(y):g}", y2=f"{frame.y(y):g}", class_=f"rp-line {class_}")


def upright(frame: Frame, x: float, class_: str) -> Markup:
    """A line from top to bottom."""
    return tag("line", x1=f"{frame.x(x):g}", x2=f"{frame.x(x):g}", y1=0, y2=f"{UNITS:g}", class_=f"rp-line {class_}")
