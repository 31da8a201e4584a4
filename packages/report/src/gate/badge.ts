import { safeText } from "../safe-text.ts"
import { utcDay } from "../utc.ts"

/** What a badge tells. */
export interface Badge {
  /** 0 to 5, U, or null for a certificate that does not count. */
  readonly level: number | "U" | null
  readonly trustLabel: "HIGH TRUST" | "LOW TRUST" | null
  /** Of the certificate's issue. */
  readonly issuedMs: number
  readonly agent: string
}

const charWidth = 6.6
const padding = 10
const agentMax = 40

/**
 * A status badge as SVG: the agent, and beside it level, trust label and day in words, so that no colour has to be
 * told apart. No script, nothing that is loaded; equal badges are equal bytes. It proves nothing by itself.
 */
export function badgeSvg(badge: Badge): string {
  const agent = safeText(badge.agent, agentMax)
  const standing = standingOf(badge)
  const [left, right] = [widthOf(agent), widthOf(standing)]
  const title = escaped(`${agent}: ${standing}`)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-labelledby="amc-badge">
  <title id="amc-badge">${title}</title>
  <rect width="${left}" height="20" fill="#24292f"/>
  <rect x="${left}" width="${right}" height="20" fill="${colourOf(badge)}"/>
  <g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" aria-hidden="true">
    <text x="${padding}" y="14" textLength="${left - 2 * padding}" lengthAdjust="spacingAndGlyphs">${escaped(agent)}</text>
    <text x="${left + padding}" y="14" textLength="${right - 2 * padding}" lengthAdjust="spacingAndGlyphs">${escaped(standing)}</text>
  </g>
</svg>
`
}

function standingOf({ level, trustLabel, issuedMs }: Badge): string {
  if (level === null || trustLabel === null) return `AMC certificate not valid, ${utcDay(issuedMs)}`
  return `AMC level ${level}, ${trustLabel}, ${utcDay(issuedMs)}`
}

/** Dark enough that white text on it has a contrast of 4.5 and more. */
function colourOf({ level, trustLabel }: Badge): string {
  if (level === null) return "#a40e26"
  return trustLabel === "HIGH TRUST" ? "#116329" : "#0550ae"
}

function widthOf(text: string): number {
  return Math.ceil([...text].length * charWidth) + 2 * padding
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/gu, (character) => `&#${character.codePointAt(0)};`)
}
