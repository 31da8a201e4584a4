/** One row of a CSV file, without a line end. */
export function toCsvRow(fields: readonly string[]): string {
  return fields.map((field) => (field.includes(",") ? `"${field}"` : field)).join(",")
}
