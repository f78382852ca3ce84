// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/html.h"

namespace lathe {

const char* const html_style = R"(
:root{color-scheme:light dark;--ink:#1c2126;--soft:#5b6670;--line:#d9dee3;--page:#fff;--card:#f6f8fa;--track:#e8ebee;
--good:#00648f;--bad:#b34700;--keep:#6b747c;--good-fill:#cfe6f3;--bad-fill:#fbdcc6;--keep-fill:#e4e7ea;--accent:#1f6feb}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5af;--line:#38414a;--page:#15181c;--card:#1d2228;--track:#2a3037;
--good:#6cc0ef;--bad:#f09a5c;--keep:#9aa5af;--good-fill:#163c52;--bad-fill:#57300f;--keep-fill:#2e353c;--accent:#6ea8fe}}
*{box-sizing:border-box}
body{font:14px/1.5 system-ui,"Noto Sans","DejaVu Sans",sans-serif;color:var(--ink);background:var(--page);max-width:1080px;margin:0 auto;padding:1.6rem 1.2rem 3rem}
h1{font-size:1.6rem;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2.2rem 0 .7rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.2rem 0 .3rem}
p{margin:.4rem 0}ul,ol{margin:.4rem 0;padding-left:1.4rem}li{margin:.2rem 0}
.soft,figcaption,caption{color:var(--soft)}.lead{font-size:1.05rem;margin:.4rem 0 0}
nav{margin:1rem 0 0;font-size:13px}nav a{color:var(--accent);text-decoration:none;margin-right:1rem;white-space:nowrap}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(180px,1fr));gap:.8rem;margin:1.3rem 0 0}
.card{background:var(--card);border:1px solid var(--line);border-top:3px solid var(--keep);border-radius:6px;padding:.7rem .9rem}
.card.good{border-top-color:var(--good)}.card.bad{border-top-color:var(--bad)}
.card b{display:block;font-size:1.25rem;line-height:1.3;font-variant-numeric:tabular-nums}.card span{color:var(--soft);font-size:13px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13px}caption{text-align:left;padding:0 0 .3rem}
th,td{text-align:left;padding:.25rem .7rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600}td.wrap{overflow-wrap:anywhere}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}th.n+th:not(.n),td.n+td:not(.n){padding-left:1.2rem}
.good{color:var(--good)}.bad{color:var(--bad)}.keep{color:var(--keep)}
.failure{border:1px solid var(--line);border-left:4px solid var(--bad);border-radius:6px;padding:.6rem .9rem;margin:.8rem 0}
.failure h3{margin:0}.failure.keep{border-left-color:var(--keep);color:inherit}
pre,code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:12px}
pre{background:var(--card);border:1px solid var(--line);border-radius:4px;padding:.6rem .7rem;margin:.4rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
details{margin:.4rem 0}summary{cursor:pointer;color:var(--accent)}
figure{margin:.6rem 0}figcaption{font-size:13px}svg{display:block;max-width:100%;height:auto}
svg text{font:12px system-ui,"Noto Sans","DejaVu Sans",sans-serif;fill:var(--ink)}svg text.soft{fill:var(--soft)}
.bar{display:flex;height:20px;border-radius:3px;overflow:hidden;background:var(--track)}.bar.thin{height:10px;margin-top:.3rem;min-width:140px}.bar i{display:block;height:100%}
.balance{display:grid;grid-template-columns:5.5rem 1fr;gap:.4rem .8rem;align-items:center;margin:.4rem 0 .8rem}
.key{display:inline-block;width:.75rem;height:.75rem;border-radius:2px;margin-right:.4rem;vertical-align:-1px}
.c0{background:#0072b2;fill:#0072b2}.c1{background:#e69f00;fill:#e69f00}.c2{background:#009e73;fill:#009e73}.c3{background:#cc79a7;fill:#cc79a7}
.c4{background:#56b4e9;fill:#56b4e9}.c5{background:#d55e00;fill:#d55e00}.c6{background:#f0e442;fill:#f0e442}.rest{background:#8a8f94;fill:#8a8f94}
.axis{stroke:var(--line)}.mark{stroke:var(--ink);stroke-width:1.5}.mark.far{stroke-dasharray:3 3;stroke-width:1}
.box{stroke:var(--soft);fill:var(--card)}.box.good{fill:var(--good-fill);stroke:var(--good)}.box.bad{fill:var(--bad-fill);stroke:var(--bad)}.box.keep{fill:var(--keep-fill);stroke:var(--keep)}
.edge{fill:none;stroke:var(--soft)}.tip{fill:var(--soft)}.ice{stroke:var(--page);stroke-width:1}
@media print{
body{max-width:none;padding:0;font-size:10.5pt}nav{display:none}h2{break-after:avoid;margin-top:1.3rem}h3,caption{break-after:avoid}
.card,figure,.failure,tr,.balance{break-inside:avoid}thead{display:table-header-group}.scroll{overflow:visible}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}details:not([open]){display:none}}
@page{margin:14mm}
)";

}  // namespace lathe
