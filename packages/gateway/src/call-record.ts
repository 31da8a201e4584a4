import type { Observation, Recorded, ReportedFacts } from "@amc/core"
import type { CallTerms, CallWorld } from "./call-terms.ts"
import type { Delivery } from "./delivery.ts"
import type { Ending } from "./ending.ts"
import { mediaText } from "./foreign-values.ts"
import { fieldOf } from "./header-fields.ts"
import type { RequestBody } from "./request-body.ts"
import type { ShelvedCall } from "./receipt-shelf.ts"
import { removeStored } from "./stored-body.ts"

export interface RecordedRequest {
  readonly event: Recorded
  readonly reported: ReportedFacts<"llm_request">
  readonly shelved: ShelvedCall
}

/** The evidence of one call: its two events, their receipts, and its audits. */
export class CallRecord {
  readonly #world: CallWorld
  readonly #terms: CallTerms
  readonly #id: string
  readonly #origin: Pick<Observation, "channel" | "agent" | "session">

  constructor(world: CallWorld, terms: CallTerms) {
    const { ingress, lease, session } = terms
    this.#world = world
    this.#terms = terms
    this.#id = world.callIds.next()
    this.#origin = { channel: `gateway:${ingress}`, agent: lease.agent, session }
  }

  /** Resolves when the request is durable. Null if it can't be recorded: then nothing may be forwarded. */
  async request(
    body: RequestBody,
    reported: ReportedFacts<"llm_request">,
    isTruncated: boolean,
  ): Promise<RecordedRequest | null> {
    const { request, upstream, lease, secrets } = this.#terms
    const { sha256, size, blob, isAsDelivered } = body
    const media = mediaText(secrets, fieldOf(request.rawHeaders, "content-type") ?? "")
    const measured = {
      body_bytes: size,
      call_id: this.#id,
      facts_truncated: isTruncated,
      method: request.method ?? "",
      provider: upstream.id,
      secrets_found: body.secretsFound + this.#secretsInHead(),
      upstream: upstream.origin,
    }
    const event = await this.#write({
      ...this.#origin,
      type: "llm_request",
      facts: { measured, reported },
      payload: { sha256, size, media, blob, isAsDelivered },
      receipt: this.#receiptTerms("llm_request", reported.model),
    })
    if (event === null) return null
    const shelved: ShelvedCall = {
      callId: this.#id,
      leaseId: lease.id,
      request: event.receipt,
      response: null,
    }
    this.#world.receipts.put(shelved)
    return { event, reported, shelved }
  }

  /** Resolves when the answer is durable. Null if it can't be recorded: then its end may not be released. */
  async response(
    ending: Ending,
    { measured, payload, facts }: Delivery,
    { event, reported, shelved }: RecordedRequest,
  ): Promise<Recorded | null> {
    const model = facts.reported.model || reported.model
    const recorded = await this.#write({
      ...this.#origin,
      type: "llm_response",
      facts: {
        measured: {
          body_bytes: measured.body_bytes,
          call_id: this.#id,
          completeness: ending.completeness,
          facts_truncated: facts.truncated,
          first_byte_ms: ending.firstByteMs,
          from_upstream: measured.from_upstream,
          request_event_hash: event.event_hash,
          retry_after_ms: ending.retryAfterMs,
          status: measured.status,
          total_ms: ending.totalMs,
        },
        reported: facts.reported,
      },
      payload,
      receipt: this.#receiptTerms("llm_response", model),
    })
    shelved.response = recorded?.receipt ?? null
    if (recorded === null) await removeStored(payload.blob)
    return recorded
  }

  /** Audits that the request was not forwarded. The detail begins with the rule, and holds no secret. */
  refusal(code: "gateway/policy" | "gateway/budget", detail: string): Promise<void> {
    const [rule = ""] = detail.split(":", 1)
    return this.#world.audits.report({
      ...this.#origin,
      code: code === "gateway/policy" ? "POLICY_REFUSED" : "BUDGET_EXCEEDED",
      subject: rule,
      detail: `${this.#id} was not forwarded: ${detail}`,
    })
  }

  /** Audits that the provider answered with a redirect. */
  redirect(): Promise<void> {
    return this.#world.audits.report({
      ...this.#origin,
      code: "GATEWAY_UPSTREAM_REDIRECT",
      subject: this.#terms.upstream.id,
      detail: `${this.#id} was answered with a redirect, which was not followed`,
    })
  }

  /** The gateway's own headers of the answer, with the request's receipt. */
  headers({ receipt }: Recorded): string[] {
    const own = ["x-amc-request-id", this.#id, "x-amc-monitor-pub-fpr", this.#world.monitorKid]
    return receipt === null ? own : [...own, "x-amc-request-receipt", receipt]
  }

  /** In what is forwarded besides the body. The header that carries the lease is not. */
  #secretsInHead(): number {
    const { forwarded, secrets, target } = this.#terms
    return secrets.count(Buffer.from([target, ...forwarded].join("\n"), "latin1"))
  }

  #receiptTerms(kind: "llm_request" | "llm_response", model: string): Observation["receipt"] & {} {
    const receipt_id = `${this.#id}.${kind === "llm_request" ? "request" : "response"}`
    return { kind, receipt_id, provider: this.#terms.upstream.id, model }
  }

  /** Null if the evidence can't be written, for whatever reason: the caller must then give nothing. */
  async #write(observation: Observation): Promise<Recorded | null> {
    try {
      return await this.#world.recorder.record(observation)
    } catch {
      return null
    }
  }
}
