import type { z } from "zod"
import { callFacts } from "./call-facts.ts"
import { connectionFacts } from "./connection-facts.ts"
import { custodyFacts } from "./custody-facts.ts"
import { ingestFacts } from "./ingest-facts.ts"
import { runFacts } from "./run-facts.ts"
import { sandboxFacts } from "./sandbox-facts.ts"
import { sessionFacts } from "./session-facts.ts"

/** The closed catalogue of facts: one schema per event type. */
export const factSchemas = {
  ...runFacts,
  ...sessionFacts,
  ...callFacts,
  ...connectionFacts,
  ...sandboxFacts,
  ...ingestFacts,
  ...custodyFacts,
} as const

export type FactType = keyof typeof factSchemas
export type Facts<T extends FactType> = z.infer<(typeof factSchemas)[T]>
/** What the monitor itself established: the only facts that may raise a level. */
export type MeasuredFacts<T extends FactType> = Facts<T>["measured"]
export type ReportedFacts<T extends FactType> = Facts<T>["reported"]

export const factTypes: readonly FactType[] = Object.keys(factSchemas) as FactType[]
