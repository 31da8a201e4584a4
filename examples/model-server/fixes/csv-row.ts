/** One row of a CSV file, without a line end. */
export function toCsvRow(fields: readonly string[]): string {
  return fields.map(quoteIfNeeded).join(",")
}

function quoteIfNeeded(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}
