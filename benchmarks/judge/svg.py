"""Just enough SVG for a chart that can be read on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Literal

STYLE = """
text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#57606a}
.title{font-size:14px;font-weight:600;fill:#1f2328}.strong{fill:#1f2328;font-weight:600}
.line{fill:none;stroke-width:1.6}.grid{stroke:#8c959f;stroke-opacity:.35;stroke-width:1}
.limit{stroke:#8c959f;stroke-width:1.4;stroke-dasharray:5 4;fill:none}
.a{fill:#0969da;stroke:#0969da}.b{fill:#bf8700;stroke:#bf8700}.c{fill:#cf222e;stroke:#cf222e}
.d{fill:#1a7f37;stroke:#1a7f37}.line{fill:none}.dot{stroke:none;fill-opacity:.7}
@media(prefers-color-scheme:dark){text{fill:#9198a1}.title,.strong{fill:#f0f6fc}
.a{fill:#4493f8;stroke:#4493f8}.b{fill:#d29922;stroke:#d29922}.c{fill:#f85149;stroke:#f85149}
.d{fill:#3fb950;stroke:#3fb950}.line{fill:none}.dot{stroke:none}}
"""

Anchor = Literal["start", "middle", "end"]


class Picture:
    """Elements on a canvas; y grows downwards."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height = width, height
        self._title = title
        self._elements: list[str] = []
        self.text(16, 24, title, "title")

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: Anchor = "start") -> None:
        """Words with their baseline at y."""
        self._elements.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'
        )

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        """Through all points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._elements.append(f'<polyline points="{path}" fill="none" class="{kind}"/>')

    def dot(self, x: float, y: float, kind: str, radius: float = 3.5, words: str = "") -> None:
        """With words for who points at it."""
        title = f"<title>{escape(words)}</title>" if words else ""
        self._elements.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="{kind} dot">{title}</circle>')

    def bar(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        """A filled rectangle."""
        self._elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(1.0, width):.1f}" height="{height:.1f}" rx="2" class="{kind}"/>'
        )

    def legend(self, x: float, y: float, entries: Sequence[tuple[str, str]]) -> None:
        """Kinds and what they stand for, in one row."""
        for kind, words in entries:
            self.dot(x, y - 4, kind)
            self.text(x + 9, y, words)
            x += 9 + 6.6 * len(words) + 18

    def __str__(self) -> str:
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
                f'width="{self.width}" height="{self.height}" role="img" aria-label="{escape(self._title)}">',
                f"<style>{STYLE.strip()}</style>",
                *self._elements,
                "</svg>\n",
            ]
        )
