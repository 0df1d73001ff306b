"""The style sheet of an assessment's page. All of it is within `.assessment`, since a notebook shows the page among others."""

STYLE = """
.assessment {
  --ink: #1d2329; --soft: #57616b; --paper: #fff; --panel: #f3f5f7; --line: #d5dbe0;
  --there: #3d8fbf; --length: #a5d3ee; --missing: #e06a10; --unknown: #dde2e6; --reached: #9fb4c4;
  background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  margin: 0 auto; max-width: 62rem; padding: 1rem;
}
@media (prefers-color-scheme: dark) {
  .assessment {
    --ink: #e6eaee; --soft: #a9b4be; --paper: #14181c; --panel: #1f252b; --line: #39424b;
    --there: #4f9fd0; --length: #27577a; --missing: #ff8a2a; --unknown: #343c44; --reached: #5a7081;
  }
}
.assessment * { box-sizing: border-box; }
.assessment :is(h1, li, td, th, figcaption) { overflow-wrap: anywhere; }
.assessment h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
.assessment h2 { font-size: 1.2rem; margin: 2.4rem 0 0.4rem; }
.assessment :is(p, ul, table) { max-width: 46rem; }
.assessment p { margin: 0.4rem 0; }
.assessment :is(.soft, figcaption, small) { color: var(--soft); font-size: 0.875rem; line-height: 1.4; }
.assessment figcaption b { color: var(--ink); }
.assessment figure { margin: 0; }

.assessment .there { background: var(--there); fill: var(--there); }
.assessment .length { background: var(--length); fill: var(--length); }
.assessment .missing { background: var(--missing); fill: var(--missing); }
.assessment .unknown { background: var(--unknown); fill: var(--unknown); }
.assessment .reached { background: var(--reached); fill: var(--reached); }
.assessment .keys { display: flex; flex-wrap: wrap; gap: 0.1rem 1.1rem; }
.assessment .keys i { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 0.15em; margin-right: 0.4em; }

.assessment .answer { background: var(--panel); border-radius: 0.6rem; margin-top: 1rem; padding: 1rem 1.2rem; }
.assessment .answer strong { display: block; font-size: 1.3rem; line-height: 1.3; }
.assessment .bar { display: flex; height: 1.1rem; margin: 0.8rem 0 0.4rem; border-radius: 0.3rem; overflow: hidden; }

.assessment .wishes { list-style: none; margin: 0.8rem 0; padding: 0; display: grid; gap: 0.8rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }
.assessment .wishes li { display: flex; gap: 0.9rem; background: var(--panel); border-radius: 0.6rem; padding: 0.8rem; }
.assessment .wishes img { width: 7.5rem; height: 7.5rem; flex: none; border-radius: 0.3rem; }
.assessment .wishes b { display: block; line-height: 1.35; margin-bottom: 0.3rem; }
.assessment .concerns { padding-left: 1.2rem; }
.assessment .concerns li { margin: 0.4rem 0; }

.assessment .rows { display: grid; grid-template-columns: max-content minmax(0, 1fr) max-content; gap: 0.25rem 0.6rem; margin: 0.6rem 0;
  align-items: center; font-size: 0.9rem; line-height: 1.3; }
.assessment .rows .name { grid-column: 1; }
.assessment .rows svg { display: block; width: 100%; height: 1.1rem; background: var(--unknown); }
.assessment .axis { grid-column: 2; position: relative; height: 1.3rem; font-size: 0.8rem; }
.assessment .axis span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.assessment .axis span:is(.first, .last) { transform: none; }
.assessment .axis .first { left: 0; }
.assessment .axis .last { right: 0; }

.assessment .moments { display: grid; gap: 1.2rem 1rem; margin-top: 0.8rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); }
.assessment .moments img { width: 100%; height: auto; display: block; border-radius: 0.3rem; margin-bottom: 0.3rem; }
.assessment .maps { display: grid; gap: 0.8rem; margin-top: 0.8rem; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }
.assessment .maps svg { display: block; width: 100%; background: var(--panel); border-radius: 0.4rem; margin-bottom: 0.2rem; }
.assessment .ring { fill: none; stroke: var(--soft); stroke-dasharray: 1 1; opacity: 0.6; }
.assessment .joint { fill: var(--ink); }

.assessment table { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: 0.9rem; line-height: 1.4; }
.assessment :is(td, th) { border-bottom: 1px solid var(--line); padding: 0.3rem 0.6rem 0.3rem 0; text-align: left;
  vertical-align: top; font-weight: 400; }
.assessment thead th { color: var(--soft); }
"""
