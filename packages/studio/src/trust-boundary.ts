import type { Capture } from "./capture.ts"
import type { AgentEnd, OpenedSession } from "./opened-session.ts"

const declaredShared = "the workspace config declares the trust boundary shared"

/** What the owner's signed config says of the trust boundary (T4). A config that is not signed says `shared`. */
export function boundaryMode({ workspace }: Capture): "isolated" | "shared" | undefined {
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

/** A box that does not hold, where the owner's config says that the agent is isolated. */
export async function auditContradiction(opened: OpenedSession): Promise<void> {
  if (boundaryMode(opened.capture) === "isolated")
    await opened.audit(
      "CONFIG_CLAIM_CONTRADICTED",
      "the workspace config says isolated, and the probe found that the box does not hold",
    )
}
