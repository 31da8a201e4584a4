import { randomBytes } from "node:crypto"
import { v7 } from "uuid"

/** A new run's id; ids sort by time. */
export function newRunId(): string {
  return `run-${v7()}`
}

/** A new session's id; ids sort by time. */
export function newSessionId(): string {
  return `ses-${v7()}`
}

/** A new workspace's id: random, so that no two workspaces share a ledger name. */
export function newWorkspaceId(): string {
  return `ws-${randomBytes(8).toString("hex")}`
}
