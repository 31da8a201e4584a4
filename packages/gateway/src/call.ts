import type { IncomingMessage } from "node:http"
import type { Pool } from "undici"
import {
  AmcError,
  type ErrorCode,
  type Facts,
  type MeasuredFacts,
  type Observation,
  type ObservedPayload,
  type Recorded,
  type Recorder,
  type ReportedFacts,
} from "@amc/core"
import type { Admission, Admitted } from "./admission.ts"
import { noResponseFacts } from "./answer-document.ts"
import type { AuditGate } from "./audit-gate.ts"
import type { ClientLink } from "./client-link.ts"
import { type Ending, Exchange } from "./exchange.ts"
import { ForeignValues } from "./foreign-values.ts"
import { formatNamed } from "./formats.ts"
import { fieldOf, forwardedFields, requestHeaders } from "./header-fields.ts"
import type { Ingress, Lease, LeaseBook } from "./lease.ts"
import type { GatewayLimits } from "./limits.ts"
import { type Problem, problemOf, problemType } from "./problem.ts"
import type { ReceiptShelf } from "./receipt-shelf.ts"
import { type BodyReader, readBody, type RequestBody } from "./request-body.ts"
import { RequestReader } from "./request-reader.ts"
import type { Metered } from "./response-meter.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import { removeStored, StoredBody } from "./stored-body.ts"
import type { Upstream } from "./upstream.ts"
import { WireReader, type WireRequest } from "./wire-reader.ts"

/** What all calls of a gateway share. */
export interface CallWorld {
  readonly recorder: Recorder
  readonly audits: AuditGate
  readonly receipts: ReceiptShelf
  readonly leases: LeaseBook
  readonly admission: Admission
  readonly limits: GatewayLimits
  readonly clock: () => number
  readonly random: (size: number) => Uint8Array
  readonly spoolDir: string
  readonly monitorKid: string
}

export interface CallTerms {
  readonly request: IncomingMessage
  readonly client: ClientLink
  readonly lease: Lease
  /** The session that the call is part of. */
  readonly session: string
  readonly ingress: Ingress
  readonly upstream: Upstream
  readonly pool: Pool
  /** What follows the route in the request's target, with the query. */
  readonly target: string
  /** Knows this call's lease and key. */
  readonly secrets: SecretScanner
}

interface RecordedRequest {
  readonly event: Recorded
  readonly reported: ReportedFacts<"llm_request">
}

/** What the client is about to get, or got. */
interface Delivery {
  readonly measured: Pick<MeasuredFacts<"llm_response">, "status" | "from_upstream" | "body_bytes">
  readonly payload: ObservedPayload
  readonly facts: Pick<Metered, "reported" | "truncated">
}

const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/**
 * One call in the order of truth: the request is durable before it is forwarded, and the answer is
 * durable before its end is released (DESIGN.md section 5).
 */
export class Call {
  readonly #world: CallWorld
  readonly #terms: CallTerms
  readonly #id: string

  constructor(world: CallWorld, terms: CallTerms) {
    this.#world = world
    this.#terms = terms
    this.#id = `call-${Buffer.from(world.random(16)).toString("hex")}`
  }

  /**
   * Takes the call to its end. Resolves when its evidence is durable and the client has its answer.
   *
   * @throws {@link AmcError} `gateway/body-too-large`, `gateway/byte-limit`, when nothing is recorded or answered yet
   */
  async run(): Promise<void> {
    const { request, client, secrets, target } = this.#terms
    const [path = ""] = target.split("?", 1)
    const reader = new RequestReader(request.method ?? "", path, secrets)
    const wire = this.#world.admission.needsBody(this.#terms.lease) ? new WireReader() : null
    const body = await this.#read({
      push: (piece) => {
        reader.push(piece)
        wire?.push(piece)
      },
    })
    let isRecorded = false
    try {
      const { reported, truncated } = reader.end()
      const recorded = await this.#recordRequest(body, reported, truncated)
      if (recorded === null) return client.send(problemOf("gateway/cannot-record"))
      isRecorded = true
      await this.#exchange(body, recorded, body.size === 0 ? null : this.#judged(wire))
    } finally {
      await body.close(isRecorded)
    }
  }

  /** In a content coding a body says something else to the provider than to the reader. */
  #judged(wire: WireReader | null): WireRequest {
    const read = (wire ?? new WireReader()).end()
    const coding = fieldOf(this.#terms.request.rawHeaders, "content-encoding") ?? "identity"
    return coding.toLowerCase() === "identity" ? read : { ...read, isReadable: false }
  }

  async #read(reader: BodyReader): Promise<RequestBody> {
    const { request, secrets, lease } = this.#terms
    const { leases, limits } = this.#world
    const take = (bytes: number): void => leases.takeBytes(lease, bytes, limits.leaseBytes)
    const source = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
    try {
      return await readBody(source, { ...this.#world, secrets, reader, take })
    } catch (cause) {
      if (cause instanceof AmcError) throw cause
      throw new AmcError("gateway/cannot-record", "the request body can't be kept", { cause })
    }
  }

  async #recordRequest(
    body: RequestBody,
    reported: ReportedFacts<"llm_request">,
    isTruncated: boolean,
  ): Promise<RecordedRequest | null> {
    const { request, upstream, lease } = this.#terms
    const media = fieldOf(request.rawHeaders, "content-type") ?? ""
    const facts: Facts<"llm_request"> = {
      measured: {
        body_bytes: body.size,
        call_id: this.#id,
        facts_truncated: isTruncated,
        method: request.method ?? "",
        provider: upstream.id,
        secrets_found: body.secretsFound + this.#secretsInHead(),
        upstream: upstream.origin,
      },
      reported,
    }
    const event = await this.#record({
      ...this.#origin(),
      type: "llm_request",
      facts,
      payload: { sha256: body.sha256, size: body.size, media: this.#media(media), blob: body.blob },
      receipt: this.#receiptTerms("llm_request", reported.model),
    })
    if (event === null) return null
    this.#world.receipts.put(this.#id, lease.id, { request: event.receipt, response: null })
    return { event, reported }
  }

  /** In what is forwarded besides the body. The header that carries the lease is not. */
  #secretsInHead(): number {
    const { request, secrets, target } = this.#terms
    const fields = forwardedFields(request.rawHeaders).join("\n")
    return secrets.count(Buffer.from(target)) + secrets.count(Buffer.from(fields, "latin1"))
  }

  async #exchange(
    body: RequestBody,
    recorded: RecordedRequest,
    wire: WireRequest | null,
  ): Promise<void> {
    const { client } = this.#terms
    const admitted = await this.#admit(body, recorded.reported, wire)
    const isRefused = admitted instanceof AmcError
    const ending = isRefused ? refusedEnding(admitted.code) : await this.#forward(body, recorded)
    const problem = isRefused
      ? problemOf(admitted.code, admitted.message, 0, admitted.hint)
      : ending.fault === null || client.isHeadSent
        ? null
        : problemOf(ending.fault)
    if (ending.fault === "gateway/upstream-redirect") await this.#auditRedirect()
    const delivery = await this.#deliveryOf(ending, problem)
    if (!isRefused) settle(admitted, ending, delivery, recorded.reported.format)
    const event = delivery && (await this.#recordResponse(ending, delivery, recorded))
    const own = this.#ownHeaders(recorded.event)
    if (event === null) {
      if (client.isHeadSent) client.reset()
      else client.send(problemOf("gateway/cannot-record"), own)
      return
    }
    if (event.receipt !== null) own.push("x-amc-receipt", event.receipt)
    this.#release(ending, problem, own)
  }

  /** A fault is answered and recorded, and nothing is forwarded. */
  async #admit(
    body: RequestBody,
    reported: ReportedFacts<"llm_request">,
    wire: WireRequest | null,
  ): Promise<Admitted | AmcError> {
    const { request, lease, session, upstream, secrets } = this.#terms
    const { path, model } = reported
    try {
      return await this.#world.admission.admit({
        lease,
        session,
        provider: upstream.id,
        method: request.method ?? "",
        path: this.#terms.target.split("?", 1)[0] ?? path,
        model,
        wire,
        bodyBytes: body.size,
      })
    } catch (error) {
      if (!(error instanceof AmcError)) throw error
      const { code, hint } = error
      if (code !== "gateway/policy" && code !== "gateway/budget")
        return new AmcError("gateway/cannot-record", "what was spent today can't be read", {
          cause: error,
        })
      // A name that the request gave is part of it.
      const detail = secrets.redactText(error.message.toWellFormed())
      await this.#auditRefusal(code, detail)
      return new AmcError(code, detail, hint === undefined ? {} : { hint })
    }
  }

  #auditRefusal(code: "gateway/policy" | "gateway/budget", detail: string): Promise<void> {
    const [rule = ""] = detail.split(":", 1)
    return this.#world.audits.report({
      ...this.#origin(),
      code: code === "gateway/policy" ? "POLICY_REFUSED" : "BUDGET_EXCEEDED",
      subject: rule,
      detail: `${this.#id} was not forwarded: ${detail}`,
    })
  }

  #forward(body: RequestBody, { event, reported }: RecordedRequest): Promise<Ending> {
    const { request, client, upstream, pool, target, secrets, lease } = this.#terms
    const method = request.method ?? ""
    const exchange = new Exchange({
      client,
      secrets,
      limits: this.#world.limits,
      clock: this.#world.clock,
      method,
      format: formatNamed(reported.format),
      isStreamWanted: reported.stream || /:stream/i.test(target),
      ownHeaders: this.#ownHeaders(event),
      onRevoked: (cut) => this.#world.leases.onRevoked(lease, cut),
    })
    if (client.isGone) return exchange.ending
    const headers = requestHeaders(request.rawHeaders, upstream, body.size)
    const path = upstream.basePath + target
    pool.dispatch(
      { path: path.startsWith("/") ? path : `/${path}`, method, headers, body: body.open() },
      exchange,
    )
    return exchange.ending
  }

  #release(ending: Ending, problem: Problem | null, own: readonly string[]): void {
    const { client, request } = this.#terms
    if (problem !== null) return client.send(problem, own)
    if (ending.completeness !== "complete" || ending.head === null) return client.reset()
    if (client.isHeadSent) return client.end(ending.held)
    const { status, message, headers } = ending.head
    const body = ending.held ?? new Uint8Array()
    const isBodyless = request.method === "HEAD" || status === 204 || status === 304
    const isSized = isBodyless || fieldOf(headers, "content-length") !== null
    const size = isSized ? [] : ["content-length", `${body.length}`]
    try {
      client.answer(status, message, [...headers, ...size, ...own], body)
    } catch {
      // Node refuses a header that HTTP does not allow.
      client.reset()
    }
  }

  /** Null if what is to be stored can't be. */
  async #deliveryOf(ending: Ending, problem: Problem | null): Promise<Delivery | null> {
    const { client } = this.#terms
    const metered = (await ending.meter?.end(ending.completeness === "complete")) ?? null
    const facts = metered ?? noResponseFacts
    if (problem !== null) return { ...problemDelivery(problem), facts }
    const isDelivered = client.isHeadSent || ending.completeness === "complete"
    if (!isDelivered || metered === null || ending.head === null)
      return { ...nothingDelivered, facts }
    const { status, contentType } = ending.head
    const { sha256, size } = metered
    const blob = await this.#stored(metered.bytes).catch(() => undefined)
    if (blob === undefined) return null
    return {
      measured: { status, from_upstream: true, body_bytes: ending.receivedBytes },
      payload: { sha256, size, media: this.#media(contentType), blob },
      facts,
    }
  }

  async #recordResponse(
    ending: Ending,
    { measured, payload, facts }: Delivery,
    { event, reported }: RecordedRequest,
  ): Promise<Recorded | null> {
    const model = facts.reported.model || reported.model
    const recorded = await this.#record({
      ...this.#origin(),
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
    const receipts = { request: event.receipt, response: recorded?.receipt ?? null }
    this.#world.receipts.put(this.#id, this.#terms.lease.id, receipts)
    if (recorded === null) await removeStored(payload.blob)
    return recorded
  }

  /** Null if the evidence can't be written, for whatever reason: the caller must then give nothing. */
  async #record(observation: Observation): Promise<Recorded | null> {
    try {
      return await this.#world.recorder.record(observation)
    } catch {
      return null
    }
  }

  async #stored(bytes: Uint8Array | null): Promise<ObservedPayload["blob"]> {
    if (bytes === null) return null
    const { blob } = await StoredBody.ofBytes(bytes, {
      ...this.#world,
      secrets: this.#terms.secrets,
    })
    return blob
  }

  #auditRedirect(): Promise<void> {
    return this.#world.audits.report({
      ...this.#origin(),
      code: "GATEWAY_UPSTREAM_REDIRECT",
      subject: this.#terms.upstream.id,
      detail: `${this.#id} was answered with a redirect, which was not followed`,
    })
  }

  #origin(): Pick<Observation, "channel" | "agent" | "session"> {
    const { ingress, lease, session } = this.#terms
    return { channel: `gateway:${ingress}`, agent: lease.agent, session }
  }

  #receiptTerms(kind: "llm_request" | "llm_response", model: string): Observation["receipt"] & {} {
    const receipt_id = `${this.#id}.${kind === "llm_request" ? "request" : "response"}`
    return { kind, receipt_id, provider: this.#terms.upstream.id, model }
  }

  #ownHeaders({ receipt }: Recorded): string[] {
    const own = ["x-amc-request-id", this.#id, "x-amc-monitor-pub-fpr", this.#world.monitorKid]
    return receipt === null ? own : [...own, "x-amc-request-receipt", receipt]
  }

  /** A header is foreign text too. */
  #media(contentType: string): string {
    return new ForeignValues(this.#terms.secrets).text(contentType).slice(0, 128).toWellFormed()
  }
}

const nothingDelivered: Omit<Delivery, "facts"> = {
  measured: { status: 0, from_upstream: false, body_bytes: 0 },
  payload: { sha256: emptySha256, size: 0, media: "", blob: null },
}

function refusedEnding(fault: ErrorCode): Ending {
  return {
    completeness: "refused",
    fault,
    isForwarded: false,
    head: null,
    meter: null,
    receivedBytes: 0,
    held: null,
    firstByteMs: 0,
    totalMs: 0,
    retryAfterMs: -1,
  }
}

/** What a call came to counts even where its answer can't be recorded. */
function settle(
  admitted: Admitted,
  ending: Ending,
  delivery: Delivery | null,
  format: ReportedFacts<"llm_request">["format"],
): void {
  const { isForwarded, receivedBytes, completeness, head } = ending
  const reported = delivery?.facts.reported ?? noResponseFacts.reported
  const response = { status: head?.status ?? 0, from_upstream: head !== null, completeness }
  admitted.settle({ isForwarded, receivedBytes, response, reported, format })
}

function problemDelivery({ status, body, sha256 }: Problem): Omit<Delivery, "facts"> {
  return {
    measured: { status, from_upstream: false, body_bytes: body.length },
    payload: { sha256, size: body.length, media: problemType, blob: body },
  }
}
