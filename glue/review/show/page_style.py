"""The page's style. Every colour of a text has a contrast of 4.5 to 1 to what it stands on, in light and dark."""

CSS = """
:root { color-scheme: light dark; --bg: #fff; --fg: #1a1c20; --soft: #565c66; --rule: #d7dae0; --card: #f6f7f9;
  --old: #7a828e; --new: #0b6cb0; --shadow: #8250b8; --gain: #a3241b; --loss: #1b6e3c; --warn: #a3241b; }
@media (prefers-color-scheme: dark) { :root { --bg: #14171c; --fg: #e7e9ec; --soft: #a8aeb8; --rule: #363c45;
  --card: #1c2027; --old: #8b93a0; --new: #4ba3e3; --shadow: #b590e0; --gain: #ff9a8f; --loss: #6cd396;
  --warn: #ff9a8f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 74rem; padding: 1.5rem; background: var(--bg); color: var(--fg);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.2rem; margin: 0 0 .6rem; }
h3 { font-size: 1.02rem; margin: 0 0 .4rem; } h4 { font-size: .82rem; margin: 0 0 .35rem; color: var(--soft);
  text-transform: uppercase; letter-spacing: .05em; } p { margin: .3rem 0; }
code { font: .88em/1.4 ui-monospace, monospace; } .soft { color: var(--soft); }
.lead { font-size: 1.1rem; margin: .5rem 0 0; }
.badge { display: inline-block; border-radius: .3rem; padding: .05rem .5rem; font-weight: 600; font-size: .85rem;
  color: #fff; background: #59606b; vertical-align: .08em; white-space: nowrap; }
.forbidden { background: #86000f; } .high { background: #b3261e; } .medium { background: #875600; }
.low { background: #1b6e3c; }
.tiles { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1.1rem 0 0; padding: 0; list-style: none; }
.tiles li { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .5rem .8rem;
  min-width: 8rem; flex: 1 1 8rem; }
.tiles b { display: block; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.plan { border-top: 2px solid var(--rule); margin-top: 1.4rem; padding-top: 1.1rem; }
.endpoint, .block { border: 1px solid var(--rule); border-radius: .6rem; padding: .9rem 1rem; margin: 0 0 1rem; }
.change { display: grid; grid-template-columns: minmax(0, 1fr) 2rem minmax(0, 1fr); gap: .5rem; align-items: center;
  margin: .7rem 0; }
.arrow { text-align: center; font-size: 1.4rem; color: var(--soft); }
.side { background: var(--card); border-radius: .5rem; padding: .6rem .7rem; align-self: stretch; }
.side.gone { border: 1px dashed var(--rule); background: none; }
.variants { list-style: none; margin: 0; padding: 0; }
.variants li { padding: .3rem 0; } .variants li + li { border-top: 1px solid var(--rule); }
.track { height: .5rem; border-radius: .25rem; background: var(--rule); margin-top: .2rem; overflow: hidden; }
.fill { height: 100%; background: var(--old); } .after .fill { background: var(--new); }
.mirror { border: 1px dashed var(--shadow); border-radius: .3rem; padding: 0 .35rem; color: var(--shadow);
  font-size: .8rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .9rem 1.4rem; }
.fact + .fact { margin-top: .6rem; }
.plain { margin: 0; padding-left: 1.1rem; } .warn { color: var(--warn); font-weight: 600; }
.chart { width: 100%; max-width: 24rem; height: auto; display: block; } .chart text { fill: var(--soft);
  font-size: 11px; } .grid { stroke: var(--rule); } .area { fill: var(--new); opacity: .25; }
.line { fill: none; stroke: var(--new); stroke-width: 2; } .bar-old { fill: var(--old); } .bar-new { fill: var(--new); }
.chart .number { fill: var(--fg); font-size: 12px; }
.findings { list-style: none; margin: 0; padding: 0; }
.findings > li { padding: .55rem 0; }
.findings > li + li { border-top: 1px solid var(--rule); }
.rights { list-style: none; margin: 0; padding: 0; } .rights li { padding: .2rem 0 .2rem 1.4rem; text-indent: -1.4rem; }
.gain { color: var(--gain); font-weight: 700; } .loss { color: var(--loss); font-weight: 700; }
details { border: 1px solid var(--rule); border-radius: .5rem; padding: .45rem .8rem; margin: .5rem 0; }
summary { cursor: pointer; font-weight: 600; } details[open] > summary { margin-bottom: .4rem; }
:focus-visible { outline: 3px solid var(--new); outline-offset: 2px; }
@media (max-width: 34rem) { body { padding: 1rem .8rem; }
  .change { grid-template-columns: minmax(0, 1fr); } .arrow { transform: rotate(90deg); line-height: 1; } }
@media print { details { border: 0; } }
"""
