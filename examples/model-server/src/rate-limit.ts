import { createHash } from "node:crypto"
import { Problem } from "./problem.ts"

const maxRemembered = 10_000
const retryAfterSeconds = 1

/**
 * Refuses the second turn of each conversation once, as a busy provider does, so that backing off can be
 * seen. Conversations are told apart by their messages, which hold the random ids of earlier tool calls.
 */
export class RateLimit {
  readonly #refused = new Set<string>()

  /** @throws Problem 429 with `Retry-After`, the first time that this second turn is seen. */
  admit(turns: number, messages: unknown): void {
    if (turns !== 1) return
    const digest = createHash("sha256").update(JSON.stringify(messages)).digest("hex")
    if (this.#refused.has(digest)) return
    this.#refused.add(digest)
    this.#forgetOldest()
    const wait = `${retryAfterSeconds} s`
    throw new Problem(429, "rate_limit_exceeded", `rate limit reached, try again in ${wait}`, {
      "retry-after": String(retryAfterSeconds),
    })
  }

  #forgetOldest(): void {
    for (const digest of this.#refused) {
      if (this.#refused.size <= maxRemembered) return
      this.#refused.delete(digest)
    }
  }
}
