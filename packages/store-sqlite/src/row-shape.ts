import { AmcError } from "@amc/core"

/** What a column must hold. */
export type Column = "number" | "text" | "text or null" | "bytes"

/** The columns of a kind of row. */
export type RowShape = Readonly<Record<string, Column>>

/**
 * A row whose columns hold what the schema says. Whoever has the file can make its tables anew without their
 * constraints, so that the types are checked of every row that is read.
 *
 * @throws {@link AmcError} `store/damaged`
 */
export function shaped<T extends object>(row: T, shape: RowShape): T {
  const values = row as Readonly<Record<string, unknown>>
  // A loop without a list: it runs for every row.
  for (const name in shape)
    if (!holds(values[name], shape[name])) throw misshapen(`a row's ${name}`)
  return row
}

/** A single column's value as {@link shaped}. @throws {@link AmcError} `store/damaged` */
export function shapedValue<T>(value: T, column: Column, name: string): T {
  if (holds(value, column)) return value
  throw misshapen(name)
}

function holds(value: unknown, column: Column | undefined): boolean {
  switch (column) {
    case "number":
      return Number.isSafeInteger(value)
    case "text":
      return typeof value === "string"
    case "text or null":
      return value === null || typeof value === "string"
    case "bytes":
      return value instanceof Uint8Array
    default:
      return false
  }
}

function misshapen(what: string): AmcError {
  return new AmcError("store/damaged", `${what} is not of the kind that the ledger's tables hold`)
}
