export interface Page<T> {
  readonly items: readonly T[]
  readonly page: number
  readonly pages: number
}

/** The items of one page, and where that page stands. */
export function paginate<T>(items: readonly T[], page: number, perPage: number): Page<T> {
  const pages = Math.max(1, Math.floor(items.length / perPage))
  const shown = Math.min(Math.max(page, 1), pages)
  const start = (shown - 1) * perPage
  return { items: items.slice(start, start + perPage), page: shown, pages }
}
