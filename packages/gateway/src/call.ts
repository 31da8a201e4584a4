import { AmcError, type ReportedFacts } from "@amc/core"
import type { Admitted } from "./admission.ts"
import { CallRecord, type RecordedRequest } from "./call-record.ts"
import type { CallTerms, CallWorld } from "./call-terms.ts"
import { deliveryOf, release, settle } from "./delivery.ts"
import { type Ending, refusedEnding } from "./ending.ts"
import { Exchange } from "./exchange.ts"
import { formatNamed } from "./formats.ts"
import { fieldOf, isBodyHeldBack, requestHeaders, saysPlainJson } from "./header-fields.ts"
import { type Problem, problemOf } from "./problem.ts"
import { type BodyReader, readBody, type RequestBody } from "./request-body.ts"
import { RequestReader } from "./request-reader.ts"
import { WireReader, type WireRequest } from "./wire-reader.ts"

/** Of a body into which no rule looks: it says nothing. */
const unread: WireRequest = new WireReader().end()

/**
 * One call in the order of truth: the request is durable before it is forwarded, and the answer is
 * durable before its end is released (DESIGN.md section 5).
 */
export class Call {
  readonly #world: CallWorld
  readonly #terms: CallTerms
  readonly #record: CallRecord

  constructor(world: CallWorld, terms: CallTerms) {
    this.#world = world
    this.#terms = terms
    this.#record = new CallRecord(world, terms)
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
      const recorded = await this.#record.request(body, reported, truncated)
      if (recorded === null) return client.send(problemOf("gateway/cannot-record"))
      isRecorded = true
      await this.#exchange(body, recorded, body.size === 0 ? null : this.#judged(wire))
    } finally {
      await body.close(isRecorded)
    }
  }

  /** In a content coding, as a form, or in another charset a body says something else to the provider than to the reader. */
  #judged(wire: WireReader | null): WireRequest {
    if (wire === null) return unread
    const read = wire.end()
    return saysPlainJson(this.#terms.request.rawHeaders) ? read : { ...read, isReadable: false }
  }

  async #read(reader: BodyReader): Promise<RequestBody> {
    const { request, client, secrets, lease } = this.#terms
    const { leases, limits } = this.#world
    if (isBodyHeldBack(request)) client.askForBody()
    const take = (bytes: number): void => leases.takeBytes(lease, bytes, limits.leaseBytes)
    try {
      return await readBody(request, { ...this.#world, secrets, reader, take })
    } catch (cause) {
      if (cause instanceof AmcError) throw cause
      throw new AmcError("gateway/cannot-record", "the request body can't be kept", { cause })
    }
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
      : this.#problemOf(ending)
    if (ending.fault === "gateway/upstream-redirect") await this.#record.redirect()
    const delivery = await deliveryOf(this.#world, this.#terms, ending, problem)
    if (!isRefused) settle(admitted, ending, delivery, recorded.reported.format)
    const event = delivery && (await this.#record.response(ending, delivery, recorded))
    const own = this.#record.headers(recorded.event)
    if (event === null) {
      if (client.isHeadSent) client.reset()
      else client.send(problemOf("gateway/cannot-record"), own)
      return
    }
    if (event.receipt !== null) own.push("x-amc-receipt", event.receipt)
    release(this.#terms, ending, problem, own)
  }

  #problemOf({ fault }: Ending): Problem | null {
    return fault === null || this.#terms.client.isHeadSent ? null : problemOf(fault)
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
      await this.#record.refusal(code, detail)
      return new AmcError(code, detail, hint === undefined ? {} : { hint })
    }
  }

  #forward(body: RequestBody, { event, reported }: RecordedRequest): Promise<Ending> {
    const { request, client, upstream, pool, target, forwarded, secrets, lease } = this.#terms
    const method = request.method ?? ""
    const exchange = new Exchange({
      client,
      secrets,
      limits: this.#world.limits,
      clock: this.#world.clock,
      method,
      format: formatNamed(reported.format),
      isStreamWanted: reported.stream || /:stream/i.test(target),
      ownHeaders: this.#record.headers(event),
      onRevoked: (cut) => this.#world.leases.onRevoked(lease, cut),
    })
    if (client.isGone) return exchange.ending
    const hadBody = body.size > 0 || fieldOf(request.rawHeaders, "content-length") !== null
    const headers = requestHeaders(forwarded, upstream, hadBody ? body.size : null)
    const path = upstream.basePath + target
    pool.dispatch(
      { path: path.startsWith("/") ? path : `/${path}`, method, headers, body: body.open() },
      exchange,
    )
    return exchange.ending
  }
}
