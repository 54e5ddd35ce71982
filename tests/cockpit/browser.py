"""Pages in a real browser, without a screen: what it says of them at several widths, in light and in dark."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=2000",
)
DARK, LIGHT = 0, 1
"""Chromium's numbers for what the reader's system prefers."""

Json = dict[str, Any]

_PROBE = """
const errors = [];
const clear = colour => /rgba\\(.*, 0\\)|transparent/.test(colour);
const light = colour => {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).slice(0, 3)
    .map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = element => {
  for (; element; element = element.parentElement) {
    const colour = element.ownerDocument.defaultView.getComputedStyle(element).backgroundColor;
    if (!clear(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
};
const look = frame => {
  const page = frame.contentDocument, view = frame.contentWindow, root = page.documentElement;
  const words = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  let least = 99, worst = "", smallest = 99;
  while (words.nextNode()) {
    const element = words.currentNode.parentElement, style = view.getComputedStyle(element);
    const said = words.currentNode.textContent.trim();
    if (!said || element.closest("style, svg, cwdb-action") || style.display === "none") continue;
    const [a, b] = [light(style.color), light(ground(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < least) { least = contrast; worst = said; }
    smallest = Math.min(smallest, parseFloat(style.fontSize));
  }
  const charts = [...page.querySelectorAll("svg")].map(svg => svg.getBoundingClientRect());
  return {
    width: view.innerWidth, overflow: Math.max(0, root.scrollWidth - root.clientWidth),
    contrast: least, worst, smallest,
    charts: charts.length, drawn: charts.filter(box => box.width > 150 && box.height > 60).length,
    lines: page.querySelectorAll("svg polyline").length, ground: ground(page.body),
    rooted: ground(page.querySelector(".rp")),
    images: page.images.length,
  };
};
const told = {};
window.onload = () => {
  for (const frame of document.querySelectorAll("iframe")) told[frame.name] = look(frame);
  document.body.replaceChildren(Object.assign(document.createElement("pre"), {textContent: JSON.stringify(told)}));
};
"""
_CATCH = (
    "<script>window.alert = () => parent.told.alarmed = true; window.onerror = e => parent.told.error = `${e}`</script>"
)


def looked_at(pages: Mapping[str, tuple[str, int]], folder: Path, preferred: int = LIGHT) -> dict[str, Json]:
    """What the browser says of each page, by name; a page comes with the width in which it is opened.

    `error` and `alarmed` are in the answer only if some page's script failed or, having none, showed an alert.
    """
    frames = "".join(
        f'<iframe name="{name}" width="{width}" frameborder="0" srcdoc="{escape(_CATCH + page)}"></iframe>'
        for name, (page, width) in pages.items()
    )
    outer = folder / "outer.html"
    outer.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{frames}<script>{_PROBE}</script>", encoding="utf-8")
    printed = subprocess.run(
        [
            str(CHROMIUM),
            *QUIET,
            f"--blink-settings=preferredColorScheme={preferred}",
            f"--user-data-dir={folder / 'profile'}",
            "--window-size=1600,1000",
            "--dump-dom",
            outer.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    found = re.search(r"<pre>(.*?)</pre>", printed, re.DOTALL)
    assert found, printed[:2_000]
    answer: dict[str, Json] = json.loads(unescape(found[1]))
    return answer
