import type { Capture } from "./capture.ts"
import type { AgentEnd, OpenedSession } from "./opened-session.ts"

const declaredShared = "the workspace config declares the trust boundary shared"

/** What the owner's signed config says of the trust boundary (T4). A config that is not signed says `shared`. */
function boundaryMode({ workspace }: Capture): "isolated" | "shared" | undefined {
  return workspace.config.value.security?.trustBoundaryMode
}

/** What the owner declares may lower what was measured, and never raises it. */
export function lowered({ capture }: OpenedSession, end: AgentEnd): AgentEnd {
  if (boundaryMode(capture) !== "shared") return end
  return { ...end, posture: "shared", hardened: false, reasons: [declaredShared, ...end.reasons] }
}

/** Said before the agent begins, so that a crash can't leave it out. */
export async function auditBoundary(opened: OpenedSession): Promise<void> {
  if (boundaryMode(opened.capture) === "shared")
    await opened.audit("TRUST_BOUNDARY_SHARED", declaredShared)
}

/** The owner's config says that the agent is isolated, and the monitor found that it is not. */
export async function auditContradiction(opened: OpenedSession, found: string): Promise<void> {
  if (boundaryMode(opened.capture) !== "isolated") return
  const detail = `the workspace config says isolated, and ${found}`
  await opened.audit("CONFIG_CLAIM_CONTRADICTED", detail)
}

/** The end of a session whose agent touched something: nothing that was measured before counts. */
export function tripped(end: AgentEnd, touched: readonly string[]): AgentEnd {
  if (touched.length === 0) return end
  const reasons = touched.map((what) => `the agent touched ${what}`)
  return { ...end, posture: "shared", hardened: false, reasons: [...reasons, ...end.reasons] }
}
