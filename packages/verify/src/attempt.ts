import { isFault } from "@amc/core"

/** What was read; `undefined` for what can't be. Only faults of the input are taken so: a defect goes through. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isFault(error)) return undefined
    throw error
  }
}
