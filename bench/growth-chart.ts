/** One measured series over the sizes of a ledger. */
export interface Curve {
  readonly title: string
  readonly unit: string
  /** In the order of {@link chart}'s sizes. */
  readonly values: readonly number[]
}

const [width, height, left, bottom, top] = [260, 180, 46, 34, 30]

/** Draws each curve in a panel of its own, sizes on a logarithmic axis and values from zero, as an SVG. */
export function chart(sizes: readonly number[], curves: readonly Curve[]): string {
  const panels = curves.map((curve, at) => panel(sizes, curve, at * width))
  const all = width * curves.length
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${all} ${height}" font-family="sans-serif" font-size="10">`,
    `<rect width="${all}" height="${height}" fill="#fff"/>`,
    ...panels,
    "</svg>",
    "",
  ].join("\n")
}

function panel(sizes: readonly number[], { title, unit, values }: Curve, x: number): string {
  const most = Math.max(...values) || 1
  const points = sizes.map((_, at) => {
    const across = left + ((width - left - 20) * at) / Math.max(1, sizes.length - 1)
    const up = height - bottom - ((height - bottom - top) * (values[at] ?? 0)) / most
    return { across: Math.round(x + across), up: Math.round(up) }
  })
  const floor = height - bottom
  return [
    `<text x="${x + left}" y="16" font-size="11">${title} (${unit})</text>`,
    `<path d="M${x + left} ${top}V${floor}H${x + width - 14}" fill="none" stroke="#888"/>`,
    `<polyline points="${points.map(({ across, up }) => `${across},${up}`).join(" ")}" fill="none" stroke="#06c" stroke-width="2"/>`,
    ...points.map(
      ({ across, up }, at) =>
        `<circle cx="${across}" cy="${up}" r="3" fill="#06c"/><text x="${across}" y="${up - 7}" text-anchor="middle">${values[at]}</text><text x="${across}" y="${floor + 14}" text-anchor="middle">${nameOf(sizes[at] ?? 0)}</text>`,
    ),
    `<text x="${x + left}" y="${floor + 28}">events in the ledger</text>`,
  ].join("\n")
}

function nameOf(size: number): string {
  if (size >= 1_000_000) return `${size / 1_000_000}M`
  return size >= 1000 ? `${size / 1000}k` : String(size)
}
