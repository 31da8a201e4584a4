import type { Report } from "@amc/score"
import { safeText } from "../safe-text.ts"
import { isMarked } from "./bar.ts"
import { html, type Markup } from "./markup.ts"

type Layer = Report["layers"][number]

/** Where a layer's sector lies: its edges and its middle as directions, in thousandths. */
interface Sector {
  readonly from: Direction
  readonly to: Direction
  readonly middle: Direction
  readonly anchor: "start" | "middle" | "end"
}
type Direction = readonly [number, number]

/** Sines of the five sectors, written down: an engine's own may differ in the last digit. */
const sectors: readonly Sector[] = [
  { from: [-545, -839], to: [545, -839], middle: [0, -1000], anchor: "middle" },
  { from: [629, -777], to: [966, 259], middle: [951, -309], anchor: "start" },
  { from: [934, 358], to: [52, 999], middle: [588, 809], anchor: "start" },
  { from: [-52, 999], to: [-934, 358], middle: [-588, 809], anchor: "end" },
  { from: [-966, 259], to: [-629, -777], middle: [-951, -309], anchor: "end" },
]
const [centreX, centreY] = [260, 182]
const rings = [1, 2, 3, 4, 5] as const
const lineMax = 16
const lineHeight = 18

/**
 * The five layers as sectors of five rings: filled as far as was shown, with an arc where it was
 * claimed. The table beside it says the same in words. A bank without five layers has no compass.
 */
export function compass(report: Report): Markup | null {
  const { layers, overall } = report
  if (layers.length !== sectors.length) return null
  return html`<svg
    class="compass"
    viewBox="0 0 520 372"
    role="img"
    aria-labelledby="compass-title compass-text"
  >
    <title id="compass-title">Compass: what was shown in each layer, and what is claimed</title>
    <desc id="compass-text">${describe(report)}</desc>
    ${layers.map((layer, at) => sector(layer, sectors[at] as Sector))}
    <text class="big" x="${centreX}" y="${centreY + 11}" text-anchor="middle">${overall}</text>
  </svg>`
}

function describe(report: Report): string {
  const layers = report.layers.map(
    ({ name, level, claimed }) =>
      `${name}: shown ${level}${claimed === null ? "" : `, claimed ${claimed}`}`,
  )
  return `Levels from 0 to 5. ${layers.join(". ")}. Overall, the lowest: ${report.overall}.`
}

function sector({ name, level, claimed }: Layer, place: Sector): Markup {
  const cells = rings.map((ring) => cell(place, ring, stateOf(level, ring)))
  const arc = isMarked(claimed) ? claim(place, claimed) : null
  return html`<g>${cells}${arc}${label(name, level, place)}</g> `
}

function stateOf(level: Layer["level"], ring: number): string {
  if (level === "U") return "unknown"
  return ring <= level ? "on" : "off"
}

function radius(ring: number): number {
  return 32 + 20 * ring
}

function cell({ from, to }: Sector, ring: number, state: string): Markup {
  const [outer, inner] = [radius(ring) - 2, radius(ring - 1)]
  const path = `M${at(outer, from)}A${outer} ${outer} 0 0 1 ${at(outer, to)}L${at(inner, to)}A${inner} ${inner} 0 0 0 ${at(inner, from)}Z`
  return html`<path class="${state}" d="${path}" />`
}

function claim({ from, to }: Sector, level: number): Markup {
  const r = radius(level) - 1
  return html`<path class="claim" d="M${at(r, from)}A${r} ${r} 0 0 1 ${at(r, to)}" />`
}

function label(name: string, level: Layer["level"], { middle, anchor }: Sector): Markup {
  const lines = linesOf(safeText(name, 60), anchor === "middle" ? 60 : lineMax)
  const [x, y] = point(radius(5) + 12, middle)
  const top = y + topOf(middle[1], lines.length)
  const spans = lines.map(
    (line, row) => html`<tspan class="name" x="${x}" y="${top + lineHeight * row}">${line}</tspan>`,
  )
  const last = top + lineHeight * lines.length
  return html`<text text-anchor="${anchor}"
    >${spans}<tspan x="${x}" y="${last}">${level === "U" ? "U" : `level ${level}`}</tspan></text
  >`
}

/** A label stands above the top sector, beside those at the sides, and below those at the bottom. */
function topOf(height: number, lines: number): number {
  if (height < -500) return -lineHeight * lines
  return height > 500 ? 8 : 6 - (lineHeight * lines) / 2
}

/** Breaks a name at its blanks. */
function linesOf(name: string, max: number): readonly string[] {
  const lines: string[] = []
  for (const word of name.split(" ")) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > max) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

function at(r: number, direction: Direction): string {
  return point(r, direction).join(" ")
}

function point(r: number, [x, y]: Direction): readonly [number, number] {
  return [(centreX * 1000 + r * x) / 1000, (centreY * 1000 + r * y) / 1000]
}
