import { AmcError } from "@amc/core"
import { type SandboxDriver, sandboxDriver } from "@amc/sandbox"
import type { SessionTerms } from "./session-terms.ts"

/**
 * The driver of a session's boxes, which must work here: there is no other in its place.
 *
 * @throws {@link AmcError} `sandbox/unavailable`
 */
export async function workingDriver(terms: SessionTerms): Promise<SandboxDriver> {
  const { driver: name, image, network, environment } = terms
  if (name === "none") throw new AmcError("sandbox/unavailable", "there is no box without a driver")
  const driver = sandboxDriver({ name, image, network, environment })
  const found = await driver.detect()
  if (found.available) return driver
  throw new AmcError("sandbox/unavailable", found.reason, { hint: found.hint })
}
