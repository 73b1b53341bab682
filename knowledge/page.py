"""The page that every report is written on: its frame and its style, self-contained and printable."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main>
{body}
</main>{foot}</body></html>
"""

STYLE = """
:root{--ink:#1c2430;--soft:#5b6676;--line:#dfe4ea;--paper:#fff;--back:#f4f6f8;--good:#1f7a4d;--bad:#b3261e;--warn:#9a6700;--accent:#2f5d8a}
*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1000px;margin:24px auto;background:var(--paper);padding:36px 44px;border:1px solid var(--line);border-radius:10px}
.kicker{margin:0;color:var(--soft);font-size:12px;letter-spacing:.08em;text-transform:uppercase}
h1{margin:.1em 0 .2em;font-size:27px;line-height:1.2}h2{font-size:17px;margin:1.8em 0 .6em;padding-bottom:.25em;border-bottom:1px solid var(--line)}
.verdict{font-size:18px;margin:.2em 0;font-weight:600}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.banner{background:#fff7e0;border:1px solid #ecd9a0;border-radius:6px;padding:8px 12px;font-size:13px}
.warnings{background:#fdf0ef;border:1px solid #f0c8c4;border-radius:6px;padding:2px 14px;margin:12px 0}.warnings h2{border:0;margin:.6em 0 0;font-size:14px}.warnings ul{margin:.3em 0 .7em;padding-left:18px}
.keys{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:18px 0}
.key{border:1px solid var(--line);border-radius:8px;padding:10px 12px;color:var(--ink)}.key span{display:block;color:var(--soft);font-size:12px}.key b{display:block;font-size:21px;line-height:1.3}.key small{color:var(--soft)}
.key.good b{color:var(--good)}.key.bad b{color:var(--bad)}.key.warn b{color:var(--warn)}
.claims{padding-left:18px}.claims li{margin:.35em 0}sup{line-height:0}sup a{color:var(--accent);text-decoration:none;margin-left:2px;font-size:11px;padding:2px}sup a:hover,sup a:focus{text-decoration:underline}
h3{font-size:15px;margin:1.2em 0 .3em}.level3{break-inside:avoid}.flowing{margin:.3em 0}.flowing span:target,figure:target,.evidence li:target{background:#fff3bf;outline:2px solid #ecd9a0;border-radius:6px}
figure{scroll-margin:20px}pre{font-size:11.5px;line-height:1.4;white-space:pre-wrap;overflow-wrap:anywhere;background:var(--back);border-radius:6px;padding:6px 10px;margin:4px 0}
.figures{display:flex;flex-wrap:wrap;gap:16px}figure{margin:0}figure.wide{flex:1 1 100%}figure.small{flex:1 1 280px}
figure img,figure svg{max-width:100%;height:auto;display:block;border-radius:6px}figcaption{color:var(--soft);font-size:12.5px;margin-top:5px}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13.5px;margin:10px 0}caption{text-align:left;color:var(--soft);font-size:12.5px;padding-bottom:4px}
th,td{padding:6px 9px;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}thead th{color:var(--soft);font-weight:600}
.number{text-align:right;font-variant-numeric:tabular-nums}.note{color:var(--soft);font-size:13px}
.evidence{font-size:13px;padding-left:24px}.evidence i{color:var(--accent);font-style:normal;font-size:11px;text-transform:uppercase;letter-spacing:.05em;margin-right:4px}
.made th{width:170px;font-weight:600;color:var(--soft)}code{font-size:12px;overflow-wrap:anywhere}
.foot{display:none;font-size:8.5pt;color:var(--soft);text-align:center}
@media print{@page{margin:14mm 14mm 18mm}body{background:#fff;font-size:11pt}main{border:0;margin:0;max-width:none;padding:0}
figure,.key,tr,.claims li{break-inside:avoid}h2,h3{break-after:avoid}.scroll{overflow:visible}th,td{padding:3px 5px}table{font-size:9pt}
.foot{position:fixed;bottom:0;left:0;right:0;display:block}sup a{color:inherit}}
"""
