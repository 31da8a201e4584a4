import { isFault } from "@amc/core"

/** One line of what was looked at: how it stands, and the command that mends it where something can be done. */
export interface Diagnosis {
  /** What was looked at, such as `vault` or `config gateway.yaml`. */
  readonly id: string
  readonly status: "ok" | "warn" | "fail"
  readonly detail: string
  readonly next: string | null
}

export function ok(id: string, detail: string): Diagnosis {
  return { id, status: "ok", detail, next: null }
}

export function warn(id: string, detail: string, next: string | null): Diagnosis {
  return { id, status: "warn", detail, next }
}

export function fail(id: string, detail: string, next: string | null): Diagnosis {
  return { id, status: "fail", detail, next }
}

/** What could not be looked at has failed, with the fault's own words. */
export async function attempted(
  id: string,
  look: () => Promise<readonly Diagnosis[]> | readonly Diagnosis[],
): Promise<readonly Diagnosis[]> {
  try {
    return await look()
  } catch (error) {
    if (!isFault(error)) throw error
    return [fail(id, error.message, error.hint ?? "amc verify")]
  }
}
