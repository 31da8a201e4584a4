import { z } from "zod"
import { canonicalize, canonicalText, type JsonValue, parseCanonical } from "./canonical.ts"
import { type Channel, channels, channelsByType } from "./channel.ts"
import { sha256Hex } from "./digest.ts"
import { utf8 } from "./bytes.ts"
import { AmcError, malformed } from "./errors.ts"
import { agentId, count, hex32, label, systemAgent } from "./fact-field.ts"
import { factSchemas, type Facts, type FactType } from "./facts.ts"
import { type ShapeCheck, shapeCheck } from "./shape-check.ts"

/** An event has at most this many bytes, so that it fits a C2SP entry bundle (65,535 bytes). */
export const eventSizeMax = 60 * 1024

/** What was delivered, by digest. `blob_sha256` names the stored bytes, which may be redacted or absent. */
export interface EventPayload {
  readonly sha256: string
  readonly size: number
  readonly media: string
  readonly blob_sha256: string | null
}

/** One observed fact (DESIGN.md section 4, "Event body"). Member names are those of the wire. */
export interface EventBody<T extends FactType = FactType> {
  readonly v: 1
  readonly type: T
  readonly channel: Channel
  /** The writer's sequence that this event belongs to. */
  readonly lane: string
  readonly lseq: number
  /** Event hash of the lane's previous event, or the lane's genesis hash. */
  readonly lprev: string
  readonly id: string
  /** Milliseconds since 1970, never decreasing in a lane. */
  readonly ts: number
  /** The agent it is about, or {@link systemAgent}. */
  readonly agent: string
  readonly aseq: number
  readonly aprev: string
  readonly session: string | null
  readonly payload: EventPayload | null
  readonly facts: Facts<T>
  readonly kid: string
}

/** An event of any one type, so that `switch (event.type)` narrows its facts. */
export type Event = { [T in FactType]: EventBody<T> }[FactType]

const payload = z.strictObject({
  sha256: hex32,
  size: count,
  media: z.string().max(128),
  blob_sha256: hex32.nullable(),
})
const uuid7 = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
const envelope = z.strictObject({
  v: z.literal(1),
  type: z.string(),
  channel: z.enum(channels),
  lane: agentId,
  lseq: count,
  lprev: hex32,
  id: uuid7,
  ts: count,
  agent: z.union([agentId, z.literal(systemAgent)]),
  aseq: count,
  aprev: hex32,
  session: label.nullable(),
  payload: payload.nullable(),
  facts: z.unknown(),
  kid: hex32,
})

const encoder = new TextEncoder()
const envelopeCheck = shapeCheck(envelope)
const factChecks = new Map<FactType, ShapeCheck>()

/**
 * The canonical bytes of an event: what is signed and stored.
 *
 * @throws {@link AmcError} `input/malformed` if the event breaks its schema, `input/too-large`
 */
export function encodeEvent(event: Event): Uint8Array {
  checkEvent(event)
  const bytes = canonicalize(event as unknown as JsonValue)
  if (bytes.length > eventSizeMax) throw tooLarge(bytes.length)
  return bytes
}

/**
 * Writes what {@link encodeEvent} gives at the beginning of some bytes, at least {@link eventSizeMax}, and gives its size.
 *
 * @throws {@link AmcError} as that does
 */
export function writeEvent(event: Event, into: Uint8Array): number {
  checkEvent(event)
  const spelling = canonicalText(event as unknown as JsonValue)
  const { read, written } = encoder.encodeInto(spelling, into.subarray(0, eventSizeMax))
  if (read < spelling.length) throw tooLarge(encoder.encode(spelling).length)
  return written
}

function tooLarge(size: number): AmcError {
  return new AmcError(
    "input/too-large",
    `an event may have ${eventSizeMax} bytes, this one has ${size}`,
  )
}

/**
 * Reads an event from the bytes that were signed. Accepts exactly one spelling of each event.
 *
 * Says nothing about who wrote it: verify its signature and the chain as well.
 *
 * @throws {@link AmcError} `input/malformed`, `input/unsupported-version`
 */
export function parseEvent(bytes: Uint8Array): Event {
  if (bytes.length > eventSizeMax) throw malformed(`an event may have ${eventSizeMax} bytes`)
  const value = parseCanonical(bytes)
  if (isRecord(value) && typeof value["v"] === "number" && value["v"] !== 1)
    throw new AmcError("input/unsupported-version", `event version ${value["v"]} is not known`)
  return checkEvent(value)
}

function checkEvent(value: unknown): Event {
  return hasEventShape(value) ? value : checkBySchema(value)
}

/** `false` says nothing: only the schemas refuse, and say why. */
function hasEventShape(value: unknown): value is Event {
  if (!envelopeCheck(value)) return false
  const { type, channel, facts } = value as Event
  return isFactType(type) && factCheckOf(type)(facts) && channelsByType[type].includes(channel)
}

/** Made when the first event of its type comes: most programs see few types. */
function factCheckOf(type: FactType): ShapeCheck {
  const known = factChecks.get(type)
  if (known !== undefined) return known
  const made = shapeCheck(factSchemas[type])
  factChecks.set(type, made)
  return made
}

function checkBySchema(value: unknown): Event {
  const outer = envelope.safeParse(value)
  if (!outer.success) throw malformed(`event: ${describe(outer.error)}`)
  if (!isFactType(outer.data.type)) throw malformed("event type is not in the catalogue")
  if (!channelsByType[outer.data.type].includes(outer.data.channel))
    throw malformed(`no ${outer.data.type} comes by the channel ${outer.data.channel}`)
  const inner = factSchemas[outer.data.type].safeParse(outer.data.facts)
  if (!inner.success) throw malformed(`facts of ${outer.data.type}: ${describe(inner.error)}`)
  return value as Event
}

export function isFactType(type: string): type is FactType {
  return Object.hasOwn(factSchemas, type)
}

/** The first link of a lane's chain (`agent` empty) or of one agent's chain inside a lane. */
export function genesisHash(lane: string, agent: string, rootSha256: string): string {
  return sha256Hex(utf8(`amc-genesis/v1\n${lane}\n${agent}\n${rootSha256}`))
}

function describe(error: z.ZodError): string {
  const [first] = error.issues
  return first === undefined
    ? "invalid"
    : `${first.path.join(".") || "value"}: ${first.message.toLowerCase()}`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
