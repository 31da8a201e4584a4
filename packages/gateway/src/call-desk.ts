import type { IncomingMessage } from "node:http"
import type { Pool } from "undici"
import { CallGate } from "./call-gate.ts"
import type { CallWorld } from "./call-terms.ts"
import { Call } from "./call.ts"
import type { ClientLink } from "./client-link.ts"
import { forwardedFields } from "./header-fields.ts"
import type { Door, Lease } from "./lease.ts"
import { LeaseScanners } from "./lease-scanners.ts"
import { tooLarge } from "./request-body.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import { type SessionSource, sessionOf } from "./session-source.ts"
import { type Target, unknownRoute } from "./target.ts"
import { openPool, type Upstream } from "./upstream.ts"

export interface CallDeskTerms {
  readonly providers: ReadonlyMap<string, Upstream>
  readonly secrets: SecretScanner
  readonly sessions?: SessionSource
}

/** A request that may become a call. */
export interface CallRequest {
  readonly door: Door
  readonly request: IncomingMessage
  readonly client: ClientLink
  readonly lease: Lease
  /** The lease's token. */
  readonly token: string
  readonly target: Target
}

/** Lets calls begin as far as their leases go, each with what its provider and its lease give it. */
export class CallDesk {
  readonly #world: CallWorld
  readonly #terms: CallDeskTerms
  readonly #gate: CallGate
  readonly #pools = new Map<string, Pool>()
  readonly #scanners: LeaseScanners

  constructor(world: CallWorld, terms: CallDeskTerms) {
    this.#world = world
    this.#terms = terms
    this.#scanners = new LeaseScanners(terms.secrets)
    this.#gate = new CallGate(world.clock)
    for (const [route, upstream] of terms.providers)
      this.#pools.set(route, openPool(upstream, world.limits))
  }

  /**
   * Takes a call to its end.
   *
   * @throws {@link AmcError} as {@link CallGate.enter}, {@link LeaseBook.takeCall}, {@link sessionOf} and
   * {@link Call.run} do; `gateway/body-too-large`, `gateway/unknown-route`
   */
  async run({ door, request, client, lease, token, target }: CallRequest): Promise<void> {
    const { leases, limits } = this.#world
    const [upstream, pool] = [
      this.#terms.providers.get(target.route),
      this.#pools.get(target.route),
    ]
    if (upstream === undefined || pool === undefined) throw unknownRoute()
    const leave = this.#gate.enter(lease)
    try {
      leases.takeCall(lease)
      if (Number(request.headers["content-length"] ?? 0) > limits.requestBytes)
        throw tooLarge(limits.requestBytes)
      const pass = await sessionOf(lease, this.#terms.sessions)
      try {
        await new Call(this.#world, {
          request,
          client,
          lease,
          session: pass.session,
          ingress: door.ingress,
          upstream,
          pool,
          forwarded: forwardedFields(request.rawHeaders),
          target: target.rest,
          secrets: this.#scanners.of(lease, token),
        }).run()
      } finally {
        pass.leave()
      }
    } finally {
      leave()
    }
  }

  /** Breaks off what still goes on with the providers. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#pools.values(), (pool) => pool.destroy()))
  }
}
