import { AmcError } from "@amc/core"
import type { Lease } from "./lease.ts"

/** The session that a call of a bare lease is part of. */
export interface SessionPass {
  readonly session: string
  /** The call has ended. */
  leave(): void
}

/** Opens the sessions of bare leases. */
export interface SessionSource {
  /** @throws {@link AmcError} as recording the session's opening does */
  enter(lease: Lease): Promise<SessionPass>
}

/**
 * The session that a call of a lease is part of: the lease's own, or one that is opened for it.
 *
 * @throws {@link AmcError} `gateway/lease-elsewhere`, `gateway/cannot-record`
 */
export async function sessionOf(
  lease: Lease,
  sessions: SessionSource | undefined,
): Promise<SessionPass> {
  if (lease.session !== null) return { session: lease.session, leave: () => undefined }
  if (sessions === undefined)
    throw new AmcError("gateway/lease-elsewhere", "the lease belongs to no session here")
  try {
    return await sessions.enter(lease)
  } catch (cause) {
    throw new AmcError("gateway/cannot-record", "the session can't be opened", { cause })
  }
}
