import { sha256, toBase64, utf8 } from "@amc/core"

/** The only style of the page: colours by what they mean, each pair with contrast enough in light and dark. */
export const style: string = lines`
:root{color-scheme:light dark;--page:#f6f8fa;--card:#fff;--line:#d1d9e0;--soft:#eaeef2;--text:#1f2328;--dim:#59636e;--accent:#0969da;--on:#2f6fbf;--off:#e3e8ee;--claim:#bc4c00;--good:#1a7f37;--good-bg:#dafbe1;--bad:#cf222e;--bad-bg:#ffebe9;--warn:#7d4e00;--warn-bg:#fff8c5}
@media (prefers-color-scheme:dark){:root{--page:#0d1117;--card:#151b23;--line:#3d444d;--soft:#212830;--text:#f0f6fc;--dim:#9198a1;--accent:#4493f8;--on:#4d8fe0;--off:#2a313c;--claim:#f0883e;--good:#3fb950;--good-bg:#12261e;--bad:#ff7b72;--bad-bg:#2d1517;--warn:#e3b341;--warn-bg:#272115}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","DejaVu Sans",sans-serif;overflow-wrap:anywhere}
code,pre,.mono{font-family:ui-monospace,SFMono-Regular,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
.wrap{max-width:1040px;margin:0 auto;padding:0 24px}
.skip{position:absolute;left:-999px}
.skip:focus{left:16px;top:8px;background:var(--card);padding:4px 12px;z-index:1}
a{color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:4px}
header{padding:32px 0 20px}
.kicker{margin:0;color:var(--dim);font-size:13px}
h1{margin:4px 0 0;font-size:28px;line-height:1.25;font-weight:600;display:flex;flex-wrap:wrap;gap:6px 14px;align-items:center}
h2{margin:0 0 4px;font-size:18px;font-weight:600}
h3{margin:24px 0 8px;font-size:13px;font-weight:600;color:var(--dim);letter-spacing:.02em}
h4{margin:0;font-size:15px;font-weight:600}
p{margin:0 0 10px}
.dim{color:var(--dim)}
.small{font-size:13px}
.pill{display:inline-block;padding:1px 10px;border:1px solid currentColor;border-radius:999px;font-size:13px;font-weight:600;line-height:22px;white-space:nowrap}
.pill.good{color:var(--good);background:var(--good-bg)}
.pill.bad{color:var(--bad);background:var(--bad-bg)}
.pill.warn{color:var(--warn);background:var(--warn-bg)}
.note{margin:16px 0 0;padding:12px 16px;border:1px solid var(--line);border-left:4px solid var(--line);border-radius:6px;background:var(--card)}
.note.bad{border-color:var(--bad);background:var(--bad-bg)}
.note.good{border-left-color:var(--good)}
.note p:last-child,.note ul:last-child{margin-bottom:0}
.note ul{margin:4px 0 0;padding-left:20px}
.facts{display:grid;grid-template-columns:repeat(4,1fr);gap:1px;margin:0;border:1px solid var(--line);border-radius:6px;overflow:hidden;background:var(--line)}
.facts div{background:var(--card);padding:12px 16px}
dt{color:var(--dim);font-size:13px}
dd{margin:0}
.facts dd{font-size:20px;font-weight:600;line-height:1.4}
.facts dd small{display:block;font-size:12.5px;font-weight:400;color:var(--dim);line-height:1.4}
section{margin:16px 0;padding:20px 24px;background:var(--card);border:1px solid var(--line);border-radius:6px}
section>p:first-of-type{max-width:75ch}
.limits{border:0;background:none;padding:4px 0 0;margin:12px 0 0;color:var(--dim);font-size:13.5px}
.limits p{margin:0 0 4px;max-width:none}
.split{display:grid;grid-template-columns:minmax(0,5fr) minmax(0,6fr);gap:24px;align-items:center}
.compass{display:block;width:100%;height:auto;max-width:480px;margin:0 auto}
.compass text{fill:var(--text);font-size:14px;font-family:inherit}
.compass .name{fill:var(--dim)}
.compass .big{font-size:30px;font-weight:600}
.compass .on{fill:var(--on)}
.compass .off{fill:var(--off)}
.compass .unknown{fill:none;stroke:var(--line);stroke-width:1;stroke-dasharray:3 3}
.compass .claim{fill:none;stroke:var(--claim);stroke-width:4;stroke-linecap:round}
.key{display:flex;flex-wrap:wrap;gap:4px 18px;margin:8px 0 0;padding:0;list-style:none;font-size:13px;color:var(--dim);justify-content:center}
.key svg{vertical-align:-1px;margin-right:6px}
.bar{display:inline-block;vertical-align:-5px;margin-right:8px}
.bar .on,.key .on{fill:var(--on)}
.bar .off,.key .off{fill:var(--off)}
.bar .unknown{fill:none;stroke:var(--dim);stroke-dasharray:2 2}
.key .unknown{fill:none;stroke:var(--dim);stroke-dasharray:2 2}
.bar .claim{fill:var(--claim)}
.key .claim{fill:none;stroke:var(--claim);stroke-width:4;stroke-linecap:round}
.scroll{overflow-x:auto}
.scroll+p,table+p,.evidence>.scroll+p{margin-top:12px}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;color:var(--dim);font-size:13px;padding:0 0 6px}
th,td{text-align:left;vertical-align:top;padding:7px 12px 7px 0;border-bottom:1px solid var(--soft)}
th{font-weight:600}
thead th{color:var(--dim);font-size:12.5px;font-weight:600;border-bottom-color:var(--line);white-space:nowrap}
tbody tr:last-child>*{border-bottom:0}
tbody th{font-weight:400}
.num{padding-right:20px;text-align:right;font-variant-numeric:tabular-nums}
td.nowrap,th.nowrap{white-space:nowrap}
.tight td,.tight th{font-size:13px}
.fit{width:auto}
.tight:not(.fit){min-width:680px}
.evidence>.scroll{margin-top:10px}
.question{padding:16px 0;border-top:1px solid var(--soft)}
h3+.question{border-top:1px solid var(--line)}
.question>header{padding:0;display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;justify-content:space-between}
.question>header .id{color:var(--dim);font-weight:400;margin-right:8px}
.question p{margin:4px 0 0;max-width:86ch;font-size:14px}
.question ul.next{margin:4px 0 0;padding-left:20px}
.score{white-space:nowrap}
.claimed{color:var(--claim)}
details{margin:8px 0 0}
summary{cursor:pointer;color:var(--accent);font-size:14px;width:fit-content;max-width:100%}
details[open]>summary{margin-bottom:8px}
.evidence{padding-left:0}
.evidence>summary{font-size:13.5px}
.events{list-style:none;margin:10px 0 0;padding:0;border:1px solid var(--soft);border-radius:6px}
.events>li+li{border-top:1px solid var(--soft)}
.events details{margin:0;padding:0}
.events summary{width:auto;padding:6px 12px;color:var(--text);font-size:13px}
.events summary .kind{font-weight:600}
.events summary span{margin-right:10px}
.events details[open]>summary{background:var(--soft);margin:0}
.events dl{display:grid;grid-template-columns:150px minmax(0,1fr);gap:3px 12px;margin:0;padding:10px 12px;font-size:13px}
.events .said{margin:0;padding:0 12px;color:var(--dim);font-size:13px;font-weight:600;max-width:none}
pre{margin:4px 0 0;padding:8px 12px;background:var(--soft);border-radius:6px;white-space:pre-wrap}
.commands dt{margin-top:10px}
footer{padding:12px 0 48px;color:var(--dim);font-size:13px}
footer dl{display:grid;grid-template-columns:120px minmax(0,1fr);gap:2px 12px;margin:0}
@media (max-width:760px){.wrap{padding:0 14px}section{padding:16px 14px}.facts{grid-template-columns:repeat(2,1fr)}.compass text{font-size:17px}.compass .big{font-size:32px}.split{grid-template-columns:minmax(0,1fr)}h1{font-size:23px}.events dl,footer dl{grid-template-columns:minmax(0,1fr);gap:0}.events dd,footer dd{margin-bottom:5px}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--line:#b0b8c0;--soft:#e4e8ec;--text:#000;--dim:#444c54;--accent:#000;--on:#2f6fbf;--off:#e3e8ee;--claim:#a84300;--good:#116329;--good-bg:#fff;--bad:#a40e26;--bad-bg:#fff;--warn:#5c3a00;--warn-bg:#fff}
@page{margin:16mm 14mm}
body{font-size:10.5pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.wrap{max-width:none;padding:0}
.skip{display:none}
section{border-left:0;border-right:0;border-bottom:0;border-radius:0;padding:14px 0;margin:0}
.facts,.compass,.question,tr,.events>li,.note{break-inside:avoid}
h2,h3,h4{break-after:avoid}
summary{list-style:none;color:var(--text)}
details.evidence::details-content{content-visibility:visible;display:block}
.scroll{overflow:visible}}
`

/** The page's policy: nothing is loaded, nothing runs, and only this style counts. */
export const contentSecurityPolicy: string = [
  "default-src 'none'",
  `style-src 'sha256-${toBase64(sha256(utf8(style)))}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ")

function lines(parts: TemplateStringsArray): string {
  return parts.join("").replaceAll("\n", "")
}
