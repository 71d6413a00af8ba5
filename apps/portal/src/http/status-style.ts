/** How the status page looks, in the dark, too. */
export const STATUS_STYLE = `
  :root { color-scheme: light dark; --faint: light-dark(#667085, #98a2b3); --line: light-dark(#e4e7ec, #344054) }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
  h1 { font-size: 1.4rem; margin: 0 }
  h2 { font-size: 1.2rem; margin: 2rem 0 0; padding-top: 1rem; border-top: 2px solid var(--line) }
  h3 { font-size: 1rem; margin: 1.25rem 0 0.25rem }
  header p { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; align-items: baseline; margin: 0.5rem 0 }
  .figure b { font-size: 1.3rem }
  small { color: var(--faint); margin-left: auto }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
  th { color: var(--faint); font-weight: 500; font-size: 0.85rem }
  th, td { text-align: left; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
  td { overflow-wrap: anywhere }
  .online { color: light-dark(#067647, #47cd89); white-space: nowrap }
  .offline { color: var(--faint); margin: 0 }
`
