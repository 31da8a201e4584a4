import { printableJson } from "@amc/core"
import type { Dossier } from "./dossier.ts"

/** A dossier as JSON (spec/schemas/dossier.schema.json), without bytes that a terminal would obey. */
export function jsonReport(dossier: Dossier): string {
  return `${printableJson(JSON.stringify(dossier, null, 2))}\n`
}
