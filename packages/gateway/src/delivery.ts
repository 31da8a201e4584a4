import type { MeasuredFacts, ObservedPayload, ReportedFacts } from "@amc/core"
import type { Admitted } from "./admission.ts"
import { noResponseFacts } from "./answer-document.ts"
import type { CallTerms, CallWorld } from "./call-terms.ts"
import type { Ending } from "./ending.ts"
import { mediaText } from "./foreign-values.ts"
import { fieldOf } from "./header-fields.ts"
import { type Problem, problemType } from "./problem.ts"
import type { Metered } from "./response-meter.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import { StoredBody } from "./stored-body.ts"

/** What the client is about to get, or got. */
export interface Delivery {
  readonly measured: Pick<MeasuredFacts<"llm_response">, "status" | "from_upstream" | "body_bytes">
  readonly payload: ObservedPayload
  readonly facts: Pick<Metered, "reported" | "truncated">
}

const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const nothingDelivered: Omit<Delivery, "facts"> = {
  measured: { status: 0, from_upstream: false, body_bytes: 0 },
  payload: { sha256: emptySha256, size: 0, media: "", blob: null },
}

/** Says what is delivered at an exchange's end: the problem if there is one. Null if what is to be stored can't be. */
export async function deliveryOf(
  world: CallWorld,
  { client, secrets }: CallTerms,
  ending: Ending,
  problem: Problem | null,
): Promise<Delivery | null> {
  const metered = (await ending.meter?.end(ending.completeness === "complete")) ?? null
  const facts = metered ?? noResponseFacts
  if (problem !== null) return { ...problemDelivery(problem), facts }
  const isDelivered = client.isHeadSent || ending.completeness === "complete"
  if (!isDelivered || metered === null || ending.head === null)
    return { ...nothingDelivered, facts }
  const { status, contentType } = ending.head
  const { sha256, size, bytes } = metered
  const kept = await stored(bytes, world, secrets).catch(() => null)
  if (kept === null) return null
  return {
    measured: { status, from_upstream: true, body_bytes: ending.receivedBytes },
    payload: { sha256, size, media: mediaText(secrets, contentType), ...kept },
    facts,
  }
}

function problemDelivery({ status, body, sha256 }: Problem): Omit<Delivery, "facts"> {
  return {
    measured: { status, from_upstream: false, body_bytes: body.length },
    payload: { sha256, size: body.length, media: problemType, blob: body, isAsDelivered: true },
  }
}

async function stored(
  bytes: Uint8Array | null,
  world: CallWorld,
  secrets: SecretScanner,
): Promise<Pick<ObservedPayload, "blob" | "isAsDelivered">> {
  if (bytes === null) return { blob: null }
  const { blob, isAsDelivered } = await StoredBody.ofBytes(bytes, { ...world, secrets })
  return { blob, isAsDelivered }
}

/** Gives the client the end of its answer, which must be durable: the rest, all of it, or a reset. */
export function release(
  { client, request }: CallTerms,
  ending: Ending,
  problem: Problem | null,
  own: readonly string[],
): void {
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

/** Tells what a call came to, which counts even where its answer can't be recorded. */
export function settle(
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
