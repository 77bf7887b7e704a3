/** Draws the figures of one report as bars: `chart.mjs peers.json peers.svg`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { parse, View } from 'vega'
import { compile } from 'vega-lite'

const [report, svg] = process.argv.slice(2)
const { scenarios } = JSON.parse(readFileSync(report, 'utf8'))
const KINDS = ['rx-kafka', 'JavaScript', 'librdkafka', 'other', 'floor']
const COLORS = ['#d81b60', '#f2b134', '#7e8b97', '#4f83cc', '#c9d1d9']

const median = values => {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}
const bars = ({ peers }) =>
  peers
    .filter(({ runs }) => runs.length > 0)
    .map(({ name, kind, runs }) => ({ name, kind, rate: median(runs.map(run => run.records / run.seconds)) / 1e6 }))
    .toSorted((a, b) => b.rate - a.rate)

const chart = result => ({
  title: { text: result.scenario.title, anchor: 'start', fontSize: 13 },
  data: { values: bars(result) },
  width: 520,
  height: { step: 22 },
  encoding: {
    y: { field: 'name', type: 'nominal', sort: null, title: null, axis: { labelLimit: 0 } },
    x: { field: 'rate', type: 'quantitative', title: 'million records per second' },
  },
  layer: [
    {
      mark: 'bar',
      encoding: { color: { field: 'kind', type: 'nominal', scale: { domain: KINDS, range: COLORS }, title: null } },
    },
    {
      mark: { type: 'text', align: 'left', dx: 4 },
      encoding: { text: { field: 'rate', type: 'quantitative', format: '.2f' } },
    },
  ],
})

const specification = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  background: 'white',
  config: { view: { stroke: null }, axisX: { grid: true }, font: 'sans-serif' },
  vconcat: scenarios.map(chart),
  resolve: { scale: { x: 'independent', color: 'shared' } },
}

const view = new View(parse(compile(specification).spec), { renderer: 'none' })
writeFileSync(svg, `${await view.toSVG()}\n`)
