package waterfall

// style is the style sheet, with light and dark colours. Paper gets the light ones.
const style = `
.waterfall { font-family: system-ui, "Segoe UI", "Liberation Sans", "DejaVu Sans", sans-serif; font-size: 11px; }
.mono { font-family: ui-monospace, "SF Mono", Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace; font-size: 10.5px; }
.title { font-size: 14px; font-weight: 600; }
.strong { font-weight: 600; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.back { fill: #ffffff; }
text { fill: #1f2328; }
.soft { fill: #59636e; }
.band { fill: #eef1f4; }
.odd { fill: #8796a5; fill-opacity: 0.08; }
.over { paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
.grid { stroke: #d1d9e0; stroke-width: 1; fill: none; }
.bad { fill: #c4182b; font-weight: 600; }
.again { fill: #9a5b00; font-weight: 600; }
.critical { fill: #0b57d0; }
.blocked { fill: #a7b0ba; }
.dns { fill: #00a3a3; }
.connect { fill: #f08c00; }
.tls { fill: #9c4dcc; }
.send { fill: #d6336c; }
.wait { fill: #37a34a; }
.receive { fill: #2b7de9; }
@media screen and (prefers-color-scheme: dark) {
.back { fill: #0d1117; }
text { fill: #e6edf3; }
.soft { fill: #9aa5b1; }
.band { fill: #1c2430; }
.over { stroke: #0d1117; }
.grid { stroke: #30363d; }
.bad { fill: #ff7b72; }
.again { fill: #f0b429; }
.critical { fill: #79b8ff; }
.blocked { fill: #6e7884; }
.dns { fill: #2cc7c7; }
.connect { fill: #ffa94d; }
.tls { fill: #b98ae6; }
.send { fill: #f06595; }
.wait { fill: #56c46b; }
.receive { fill: #5ba4ff; }
}
@media screen and (min-width: 1000px) { .waterfall { width: 100%; max-width: 1500px; height: auto; } }
@media print { .waterfall { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`
