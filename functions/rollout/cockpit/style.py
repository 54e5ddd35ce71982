"""The style sheet of report and widget. Its class names begin with `rp-`, so that they match none of CloudWatch's."""

from __future__ import annotations

from typing import Literal

Theme = Literal["light", "dark", "auto"]

_LIGHT = """
--rp-ground:#fff;--rp-panel:#f6f8fa;--rp-text:#1b2430;--rp-dim:#4f5a69;--rp-rule:#d3dae2;--rp-track:#dfe5ec;
--rp-canary:#b45309;--rp-base:#1d4ed8;--rp-good:#15653a;--rp-bad:#b3201f;--rp-warning:#854d0e;--rp-plain:#4f5a69;
--rp-band:#d9f0e1;--rp-good-ground:#e3f4e9;--rp-bad-ground:#fdeaea;--rp-warning-ground:#fdf3dc;--rp-area:#fbe9d5;
"""
_DARK = """
--rp-ground:#10151c;--rp-panel:#18202a;--rp-text:#e8edf3;--rp-dim:#a7b3c1;--rp-rule:#323d4b;--rp-track:#2b3644;
--rp-canary:#f7a94b;--rp-base:#86b4ff;--rp-good:#68d896;--rp-bad:#ff8f86;--rp-warning:#f3bd55;--rp-plain:#a7b3c1;
--rp-band:#173828;--rp-good-ground:#14301f;--rp-bad-ground:#3b1a1c;--rp-warning-ground:#352a10;--rp-area:#3a2a17;
"""

_RULES = """
.rp{background:var(--rp-ground);color:var(--rp-text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
overflow-wrap:anywhere}
.rp *{box-sizing:border-box}
.rp h1,.rp h2,.rp h3,.rp p,.rp figure,.rp dl,.rp dd,.rp ul{margin:0;padding:0}
.rp h1,.rp h2,.rp h3,.rp b,.rp th{color:var(--rp-text)}
.rp h1{font-size:1.7em;line-height:1.25}
.rp h2{font-size:1.2em;margin:1.8em 0 .6em}
.rp h3{font-size:1.05em}
.rp h3 .rp-dim{font-weight:400;font-size:.9em}
.rp-dim{color:var(--rp-dim)}
.rp-mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em}
.rp-banner{border-left:.5em solid var(--rp-plain);background:var(--rp-panel);padding:1em 1.2em;border-radius:.4em}
.rp-banner p{margin-top:.35em}
.rp-banner h2{margin:.2em 0 0}
.rp-banner.rp-good{border-color:var(--rp-good);background:var(--rp-good-ground)}
.rp-banner.rp-bad{border-color:var(--rp-bad);background:var(--rp-bad-ground)}
.rp-banner.rp-warning{border-color:var(--rp-warning);background:var(--rp-warning-ground)}
.rp-good .rp-outcome{color:var(--rp-good)}
.rp-bad .rp-outcome{color:var(--rp-bad)}
.rp-warning .rp-outcome{color:var(--rp-warning)}
.rp-facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,10em),1fr));gap:.7em 1.4em}
.rp .rp-facts{margin-top:1em}
.rp-facts dt{color:var(--rp-dim);font-size:.85em}
.rp-metrics{display:grid;gap:1em}
.rp-card{background:var(--rp-panel);border:1px solid var(--rp-rule);border-radius:.4em;padding:.9em 1em;
break-inside:avoid}
.rp-card>p{margin-top:.2em}
.rp-charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21em),1fr));gap:.8em 1.6em;
margin-top:.7em}
.rp-chip{display:inline-block;border:1px solid currentColor;border-radius:1em;padding:0 .6em;font-size:.82em;
font-weight:600;vertical-align:.12em;white-space:nowrap}
.rp-chip.rp-good,.rp-word.rp-good{color:var(--rp-good)}
.rp-chip.rp-bad,.rp-word.rp-bad{color:var(--rp-bad)}
.rp-chip.rp-warning,.rp-word.rp-warning{color:var(--rp-warning)}
.rp-chip.rp-plain,.rp-word.rp-plain{color:var(--rp-plain)}
.rp-chart{font-size:.88em;min-width:0}
.rp-plot{position:relative;height:9.5em;margin:.45em 0 0 4.2em}
.rp-wide .rp-plot{height:12em}
.rp-plot svg{display:block;width:100%;height:100%;overflow:visible}
.rp-value{position:absolute;right:100%;margin-right:.5em;transform:translateY(-50%);white-space:nowrap;
color:var(--rp-dim);font-size:.92em}
.rp-time{position:relative;height:1.5em;margin-left:4.2em;color:var(--rp-dim);font-size:.92em}
.rp-time span{position:absolute;transform:translateX(-50%);white-space:nowrap}
.rp-time span:first-child{transform:none}
.rp-numbers{position:relative;margin:.4em 0 0 4.2em}
.rp-number{position:absolute;transform:translateX(-50%);min-width:1.5em;padding:0 .3em;white-space:nowrap;
text-align:center;font-size:.85em;
line-height:1.35;
font-weight:600;border-radius:.8em;background:var(--rp-ground);border:1px solid currentColor}
.rp-number.rp-good{color:var(--rp-good)}.rp-number.rp-bad{color:var(--rp-bad)}
.rp-number.rp-warning{color:var(--rp-warning)}.rp-number.rp-plain{color:var(--rp-plain)}
.rp-legend{display:flex;flex-wrap:wrap;gap:.1em 1.2em;color:var(--rp-dim);margin-top:.15em}
.rp-key{display:inline-block;width:1.6em;height:0;border-top:.19em solid;margin-right:.45em;vertical-align:.28em}
.rp-line,.rp-dots{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.rp-grid{stroke:var(--rp-rule);stroke-width:1px}
.rp-enough{stroke:var(--rp-text);stroke-width:1.2px;stroke-dasharray:5 4}
.rp-mark{stroke-width:1.2px;stroke-dasharray:2 3;stroke:var(--rp-plain)}
.rp-mark.rp-good{stroke:var(--rp-good)}.rp-mark.rp-bad{stroke:var(--rp-bad)}.rp-mark.rp-warning{stroke:var(--rp-warning)}
.rp-weight{stroke:var(--rp-canary);stroke-width:2.4px}
.rp-weight-area{fill:var(--rp-area)}
.rp-canary{stroke:var(--rp-canary);stroke-width:2.4px}
.rp-base{stroke:var(--rp-base);stroke-width:2px;stroke-dasharray:6 3}
.rp-band{fill:var(--rp-band)}
.rp-allowed{stroke:var(--rp-good);stroke-width:1px}
.rp-canary-dot{stroke:var(--rp-canary);stroke-width:4px;stroke-linecap:round;stroke-opacity:.6}
.rp-harm{stroke:var(--rp-bad);stroke-width:2.4px}
.rp-proof{stroke:var(--rp-good);stroke-width:2.4px;stroke-dasharray:7 3}
.rp-dots.rp-canary,.rp-dots.rp-base,.rp-dots.rp-harm,.rp-dots.rp-proof{stroke-width:5px;stroke-linecap:round;
stroke-dasharray:none}
.rp-canary-key,.rp-canary-dot-key{color:var(--rp-canary)}
.rp-canary-dot-key{border-top-style:dotted}
.rp-base-key{color:var(--rp-base);border-top-style:dashed}
.rp-band-key{height:.8em;border:1px solid var(--rp-good);background:var(--rp-band);vertical-align:-.1em}
.rp-harm-key{color:var(--rp-bad)}
.rp-proof-key{color:var(--rp-good);border-top-style:dashed}
.rp-bar-row{display:grid;grid-template-columns:6em minmax(3em,1fr) minmax(9em,auto);gap:.8em;align-items:center;
font-size:.88em}
.rp-bar{display:block;height:.55em;border-radius:.3em;background:var(--rp-track);overflow:hidden}
.rp-bar>span{display:block;height:100%}
.rp-bar-harm{background:var(--rp-bad)}.rp-bar-proof{background:var(--rp-good)}
.rp table{border-collapse:collapse;width:100%;font-size:.92em;background:none}
.rp th,.rp td{text-align:left;vertical-align:top;padding:.45em .8em .45em 0;border:0;
border-bottom:1px solid var(--rp-rule);
background:none;color:var(--rp-text);white-space:normal}
.rp th{font-weight:600;color:var(--rp-dim);font-size:.92em}
.rp-rows th,.rp-rows td:not(:last-child){overflow-wrap:normal}
.rp-rows td:nth-child(5){overflow-wrap:anywhere;min-width:6em}
.rp-rows th{white-space:nowrap}.rp .rp-rows td:nth-child(2),.rp .rp-rows td:nth-child(3){white-space:nowrap}
.rp-rows td:last-child{min-width:16em}
.rp-word{font-weight:600}
.rp .rp-raises{margin:.3em 0 0;padding-left:1.4em;font-size:.92em}
.rp .rp-plan{margin:1em 0;display:flex;flex-wrap:wrap;gap:.4em;list-style:none}
.rp-plan li{border:1px solid var(--rp-rule);border-radius:.3em;padding:.1em .6em;color:var(--rp-dim)}
.rp-plan li.rp-now{border-color:var(--rp-canary);color:var(--rp-canary);font-weight:600}
.rp pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--rp-panel);color:var(--rp-text);
border:1px solid var(--rp-rule);border-radius:.4em;padding:.8em 1em;margin:0;font-size:.85em}
.rp-hints{list-style:none}.rp-hints li{margin:.3em 0}
.rp-hints code{background:var(--rp-panel);color:var(--rp-text);border:1px solid var(--rp-rule);border-radius:.3em;
padding:.1em .5em}
.rp-widget{padding:.8em 1em 1.4em}
.rp-rollout{margin-bottom:2em}
.rp-rollout .rp-metrics{margin-top:1em}
.rp .rp-said{border:1px solid var(--rp-rule);border-left:.4em solid var(--rp-base);border-radius:.3em;padding:.5em .9em;
margin-bottom:1em}
.rp-buttons{display:flex;flex-wrap:wrap;align-items:center;gap:.5em;margin:.9em 0}
.rp .btn{display:inline-block;cursor:pointer;border:1px solid var(--rp-base);border-radius:.35em;padding:.25em .9em;
background:var(--rp-ground);color:var(--rp-base);font-weight:600;text-decoration:none}
.rp .btn.rp-danger{border-color:var(--rp-bad);color:var(--rp-bad)}
.rp-field{flex:1 1 16em;display:flex;gap:.5em;align-items:center;color:var(--rp-dim);font-size:.9em}
.rp-field:last-child{flex-grow:3}
.rp-field input{flex:1;min-width:6em;font:inherit;color:var(--rp-text);background:var(--rp-ground);
border:1px solid var(--rp-rule);border-radius:.3em;padding:.2em .5em}
.rp .rp-link{color:var(--rp-base);cursor:pointer;text-decoration:underline}
.rp cwdb-action{display:none}
"""

_NARROW = """
@media (max-width:40em){
.rp-rows thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.rp-rows,.rp-rows tbody,.rp-rows tr,.rp-rows td{display:block}
.rp .rp-rows td{border:0;padding:.1em 0}
.rp-rows td:last-child{min-width:0}
.rp .rp-rows tr{border-bottom:1px solid var(--rp-rule);padding:.5em 0}
.rp-rows td[data-label]:not(:empty)::before{content:attr(data-label) ": ";color:var(--rp-dim)}
.rp-bar-row{grid-template-columns:5.4em minmax(2em,1fr) minmax(8em,auto);gap:.5em}
}
"""

_PAGE = """
html,body{margin:0;padding:0}
body.rp{padding:1.2em 1em 3em}
main,.rp-foot{max-width:76em;margin:0 auto}
.rp-foot{margin-top:2.4em;font-size:.85em}
@page{margin:14mm}
@media print{.rp{font-size:11px;--rp-ground:#fff}.rp tr,.rp figure,.rp-banner{break-inside:avoid}
.rp-banner,.rp-key,.rp-bar,.rp-bar>span,.rp svg{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def style_sheet(theme: Theme, *, page: bool = False) -> str:
    """CSS for `class="rp"`: in one theme, or in the one that the reader's system prefers; printed always light."""
    colours = f".rp{{{_DARK if theme == 'dark' else _LIGHT}}}"
    if theme == "auto":
        colours += f"@media screen and (prefers-color-scheme:dark){{.rp{{{_DARK}}}}}:root{{color-scheme:light dark}}"
    return (colours + _RULES + _NARROW + (_PAGE if page else "")).replace("\n", "")
