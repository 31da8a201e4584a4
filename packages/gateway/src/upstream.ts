import { Pool } from "undici"
import type { GatewayLimits } from "./limits.ts"

/** Where a provider wants its key. */
export const keyPlaces = ["authorization", "x-api-key", "x-goog-api-key", "api-key"] as const
export type KeyPlace = (typeof keyPlaces)[number]

/** One provider, as the signed configuration names it. */
export interface Upstream {
  /** The first path segment that leads here. */
  readonly id: string
  /** `https://api.openai.com`: scheme, host and port, nothing else. */
  readonly origin: string
  /** What stands before the forwarded path, without a slash at its end; may be empty. */
  readonly basePath: string
  /** The unix socket to dial instead of the origin's host. */
  readonly socketPath?: string
  /** Put into every request; without one, requests go out with no key at all. */
  readonly key: Uint8Array | null
  /** `authorization` (as a bearer token) if not said. */
  readonly keyPlace?: KeyPlace
  /** Whether it runs on this machine, so that the agent's owner could have made its answers. */
  readonly loopback: boolean
}

/** The connections to one provider. HTTP/1.1 only: what was sent is then what is written here. */
export function openPool(upstream: Upstream, limits: GatewayLimits): Pool {
  return new Pool(upstream.origin, {
    connections: limits.upstreamConnections,
    pipelining: 1,
    allowH2: false,
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    bodyTimeout: limits.idleMs,
    connect: { timeout: limits.connectMs },
    ...(upstream.socketPath === undefined ? {} : { socketPath: upstream.socketPath }),
  })
}
