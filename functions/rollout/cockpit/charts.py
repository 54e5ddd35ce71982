"""One figure each: the weight over time with the decisions marked, canary against base, and the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import ceil, log10

from rollout.cockpit.chart_data import Judged, MetricView
from rollout.cockpit.formatting import MINUTES_PER_DAY, MINUTES_PER_HOUR, amount, duration, short_odds
from rollout.cockpit.markup import Markup, joined, tag
from rollout.cockpit.svg import Frame, Point, across, area, corners, dots, line, picture, upright
from rollout.cockpit.view import RolloutView

MOST_NUMBERED_MARKS = 24
MOST_TICKS = 6
LEAST_EVIDENCE = -0.4
MOST_EVIDENCE = 1.35
HEADROOM = 1.25
_TICKS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1_440, 2_880, 4_320, 7_200, 10_080, 20_160, 43_200)


def weight_chart(view: RolloutView) -> Markup:
    """The candidate's share of the requests over time; each decision is marked with its number in the table."""
    frame = Frame(view.from_minute, max(view.minutes, view.from_minute + 1.0), 0.0, 105.0)
    points: list[Point] = [(weight.minute, weight.percent) for weight in view.weights]
    until = view.minutes
    filled = corners(points, until)
    marks = [row for row in view.rows if row.marked]
    if len(marks) > MOST_NUMBERED_MARKS:
        marks = [row for row in marks if row.word not in ("advance", "extend")][:MOST_NUMBERED_MARKS]
    svg = picture(
        "Weight over time",
        f"The candidate had at most {view.highest_weight:g} % of the requests; {len(marks)} decisions are marked.",
        *(across(frame, share, "rp-grid") for share in (0, 25, 50, 75, 100)),
        *(upright(frame, row.minute, f"rp-mark rp-{row.tone}") for row in marks),
        area(frame, [(x, 0.0) for x, _ in filled], filled, "rp-weight-area"),
        line(frame, filled, "rp-weight"),
    )
    rows = _rows([frame.left_percent(row.minute) for row in marks])
    numbers = [
        tag(
            "span",
            row.number,
            class_=f"rp-number rp-{row.tone}",
            style=f"left:{frame.left_percent(row.minute):g}%;top:{level * 1.35:g}em",
            title=f"{row.number}: {row.word}, {duration(row.minute)} after the start",
        )
        for row, level in zip(marks, rows, strict=True)
    ]
    height = (max(rows, default=0) + 1) * 1.35 if marks else 0
    above = tag("div", *numbers, class_="rp-numbers", style=f"height:{height:g}em") if marks else ""
    labels = [(share, f"{share} %") for share in (0, 25, 50, 75, 100)]
    return _figure("Weight", "the candidate's share of the requests", svg, frame, labels, above=above, class_="rp-wide")


def ramp_chart(view: RolloutView) -> Markup:
    """How near the ramp's next raise was to its proof, as a share of what it needs; each raise is a line upright."""
    frame = Frame(view.from_minute, max(view.minutes, view.from_minute + 1.0), LEAST_EVIDENCE, MOST_EVIDENCE)
    raises = [look for look in view.ramp if look.raised]
    steps = [list(looks) for _, looks in groupby(view.ramp, key=lambda look: look.step)]
    svg = picture(
        "The ramp's next raise",
        f"It was raised {len(raises)} times.",
        across(frame, 0.0, "rp-grid"),
        across(frame, 1.0, "rp-enough"),
        *(upright(frame, look.minute, "rp-mark rp-good") for look in raises),
        *(line(frame, [(look.minute, look.share) for look in looks], "rp-proof") for looks in steps),
    )
    labels = [(1.0, "enough"), (0.0, "1:1")]
    return _figure(
        "Next raise", "how near its proof is, as a share of what it needs", svg, frame, labels, class_="rp-wide"
    )


def _rows(lefts: Sequence[float], apart: float = 7.0) -> list[int]:
    """For each mark the row above the chart in which its number covers no other; positions in percent of the width."""
    ends: list[float] = []
    found = []
    for left in lefts:
        row = next((index for index, end in enumerate(ends) if left >= end + apart), len(ends))
        if row == len(ends):
            ends.append(left)
        ends[row] = left
        found.append(row)
    return found


def rates_chart(view: RolloutView, metric: MetricView) -> Markup:
    """Canary against base over time, with what the tolerance allows as a band."""
    shown = [point for point in metric.judged if point.canary is not None or point.base is not None]
    values = [value for point in shown for value in (point.canary, point.base, point.allowed) if value is not None]
    most = _round_up(max(values, default=0.0) * HEADROOM) or (0.01 if metric.is_rate else 1.0)
    frame = Frame(view.from_minute, max(view.minutes, view.from_minute + 1.0), 0.0, most)
    parts = [across(frame, most * share / 2, "rp-grid") for share in range(3)]
    for group in _parts(metric.judged):
        allowed: list[Point] = [(point.data_minute, point.allowed) for point in group if point.allowed is not None]
        edge = most if metric.higher_is_better else 0.0
        parts.append(area(frame, [(x, edge) for x, _ in allowed], allowed, "rp-band"))
        parts.append(line(frame, allowed, "rp-allowed"))
    parts.append(
        dots(frame, [(dot.minute, dot.canary) for dot in metric.dots if dot.canary is not None], "rp-canary-dot")
    )
    for group in _parts(metric.judged):
        parts.append(line(frame, [(p.data_minute, p.base) for p in group if p.base is not None], "rp-base"))
        parts.append(line(frame, [(p.data_minute, p.canary) for p in group if p.canary is not None], "rp-canary"))
    svg = picture(f"{metric.label}: canary against base", f"{metric.what}; {_at_the_end(metric)}.", *parts)
    labels = [(most * share / 2, _value(most * share / 2, is_rate=metric.is_rate)) for share in range(3)]
    legend = _legend(
        ("rp-canary", "canary"), ("rp-base", "base"), ("rp-band", _bound(metric)), ("rp-canary-dot", "each minute")
    )
    return _figure("Canary against base", metric.what, svg, frame, labels, below=legend)


def evidence_chart(view: RolloutView, metric: MetricView) -> Markup:
    """The evidence of harm and of safety over time, as a share of its limit, which is the dashed line."""
    frame = Frame(view.from_minute, max(view.minutes, view.from_minute + 1.0), LEAST_EVIDENCE, MOST_EVIDENCE)
    parts = [across(frame, 0.0, "rp-grid"), across(frame, 1.0, "rp-enough")]
    proofs = [[(p.minute, p.proof) for p in group if p.proof is not None] for group in _parts(metric.judged)]
    harms = [
        [(p.minute, p.harm) for p in group if p.harm is not None] for group in _parts(metric.judged, by_step=False)
    ]
    parts += [line(frame, points, "rp-proof") for points in proofs]
    parts += [line(frame, points, "rp-harm") for points in harms]
    need_harm, need_proof = short_odds(metric.harm_limit), short_odds(metric.proof_limit)
    harm = "not measured" if metric.log_harm is None else f"{short_odds(metric.log_harm)} of {need_harm}"
    proof = "not measured" if metric.log_proof is None else f"{short_odds(metric.log_proof)} of {need_proof}"
    svg = picture(
        f"{metric.label}: evidence",
        f"At the end: towards a rollback {harm}; towards the proof of safety {proof}.",
        *parts,
    )
    labels = [(1.0, "enough"), (0.0, "1:1")]
    rolls_back = f"roll back at {need_harm}" if metric.decides else f"worse at {need_harm}, shown only"
    legend = _legend(("rp-harm", rolls_back), ("rp-proof", f"safe for the next step at {need_proof}"))
    return _figure("Evidence", "as a share of what decides", svg, frame, labels, below=legend)


def bar(share: float | None, words: str, class_: str, label: str) -> Markup:
    """A bar filled by this share, with the odds beside it."""
    filled = 0.0 if share is None else 100 * min(1.0, max(0.0, share))
    return tag(
        "div",
        tag("span", label, class_="rp-bar-label"),
        tag("span", tag("span", class_=class_, style=f"width:{filled:.1f}%"), class_="rp-bar", aria_hidden="true"),
        tag("span", words, class_="rp-bar-words"),
        class_="rp-bar-row",
    )


def _at_the_end(metric: MetricView) -> str:
    """The chart's last values, in words."""
    last = metric.last
    if last is None:
        return "nothing was measured"
    canary, base, allowed = (amount(each, is_rate=metric.is_rate) for each in (last.canary, last.base, last.allowed))
    return f"at the end canary {canary}, base {base}, {_bound(metric)} {allowed}"


def _bound(metric: MetricView) -> str:
    return "at least" if metric.higher_is_better else "allowed"


def _parts(judged: Sequence[Judged], *, by_step: bool = True) -> list[list[Judged]]:
    """The points that a line may join: those of one part of the rollout, without what was not measured between them.

    Harm goes on from step to step, and begins anew with the watch.
    """
    groups = groupby(judged, key=lambda p: (p.part if by_step else p.part < 0, p.harm is None))
    return [list(group) for _, group in groups]


def _value(value: float, *, is_rate: bool) -> str:
    """A value of the vertical axis, with as many digits as it needs."""
    return f"{100 * value:.4g} %" if is_rate else f"{value:.4g}"


def _round_up(value: float) -> float:
    """The next round number: 1, 2, 2.5, 4, 5, 8 or 10 of some power of ten."""
    if value <= 0:
        return 0.0
    power = 10.0 ** ceil(log10(value) - 1)
    return next(round(power * step, 12) for step in (1, 2, 2.5, 4, 5, 8, 10, 20) if power * step >= value)


def _figure(
    title: str,
    subtitle: str,
    svg: Markup,
    frame: Frame,
    labels: Sequence[tuple[float, str]],
    *,
    above: Markup | str = "",
    below: Markup | str = "",
    class_: str = "",
) -> Markup:
    """The picture with its words: title, values at the left, time below, and a legend."""
    values = [
        tag("span", label, class_="rp-value", style=f"top:{frame.top_percent(value):g}%") for value, label in labels
    ]
    return tag(
        "figure",
        tag("figcaption", tag("b", title), " ", tag("span", subtitle, class_="rp-dim")),
        above,
        tag("div", svg, *values, class_="rp-plot"),
        tag("div", *_ticks(frame), class_="rp-time", aria_hidden="true"),
        below,
        class_=f"rp-chart {class_}".strip(),
    )


def _ticks(frame: Frame) -> list[Markup]:
    apart = next((step for step in _TICKS if (frame.most_x - frame.least_x) / step <= MOST_TICKS), _TICKS[-1])
    found = []
    for index in range(ceil(frame.least_x / apart), int(frame.most_x / apart) + 1):
        at = index * apart
        if frame.left_percent(at) > 97:  # its words would stand outside the picture
            break
        found.append(tag("span", _tick(at, apart), style=f"left:{frame.left_percent(at):g}%"))
    return found


def _tick(at: int, apart: int) -> str:
    if at == 0:
        return "0"
    if apart >= MINUTES_PER_DAY:
        return f"{at // MINUTES_PER_DAY} d"
    if apart >= MINUTES_PER_HOUR:
        return f"{at // MINUTES_PER_HOUR} h"
    return f"{at} min"


def _legend(*entries: tuple[str, str]) -> Markup:
    keys = [tag("span", tag("i", class_=f"rp-key {class_}-key"), words) for class_, words in entries]
    return tag("div", joined(*keys), class_="rp-legend")
