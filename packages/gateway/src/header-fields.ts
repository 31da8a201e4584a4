import type { IncomingMessage } from "node:http"
import { AmcError } from "@amc/core"
import { leasePrefix } from "./lease.ts"
import { keyPlaces, type Upstream } from "./upstream.ts"

/** Names and values in turn, as they are on the wire. */
export type RawHeaders = readonly string[]

const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]
/** Said anew for the next hop, or for this gateway alone. A client's own key is never forwarded. */
const replaced = ["accept-encoding", "content-length", "expect", "host", "http2-settings"]
/**
 * What a proxy keeps back of a plain request, or says anew; the agent's own credentials are for the host that it names.
 * Were the length left to `Connection`, a body could go on without one and be read as a request that nobody judged.
 */
const notInProxied = new Set([...hopByHop, "content-length", "expect", "host", "http2-settings"])
/** They would put a call on another account of the key's owner. */
const accounts = ["openai-organization", "openai-project", "x-goog-user-project"]
/** By these some servers take a request for one with another method or path than was judged and recorded. */
const disguises = [
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-url",
  "x-rewrite-url",
]
const notInRequest = new Set([...hopByHop, ...replaced, ...keyPlaces, ...accounts, ...disguises])
const notInResponse = new Set(hopByHop)
const isKeyPlace: ReadonlySet<string> = new Set(keyPlaces)

/** What goes to a provider: the client's forwarded fields, and its key where that provider wants it. */
export function requestHeaders(
  forwarded: RawHeaders,
  upstream: Upstream,
  bodyBytes: number | null,
): string[] {
  const fields = [...forwarded, "accept-encoding", "identity", ...keyField(upstream)]
  if (bodyBytes !== null) fields.push("content-length", `${bodyBytes}`)
  return fields
}

/** The client's own fields that are forwarded as they came; no credential is among them. */
export function forwardedFields(raw: RawHeaders): string[] {
  return without(raw, notInRequest)
}

/** What the egress proxy forwards of a plain request's headers, the Host field put anew. */
export function proxiedFields(raw: RawHeaders, host: string): string[] {
  const fields = without(raw, notInProxied)
  const kept = fields.filter((_, at) => !isProxyField(fields[at - (at % 2)]))
  return ["host", host, ...kept, ...framing(raw)]
}

/** How the body of a request ends; no request that Node reads says both. */
function framing(raw: RawHeaders): string[] {
  if (fieldOf(raw, "transfer-encoding") !== null) return ["transfer-encoding", "chunked"]
  const length = fieldOf(raw, "content-length")
  return length === null ? [] : ["content-length", length]
}

function isProxyField(name: string | undefined): boolean {
  return name?.toLowerCase().startsWith("proxy-") ?? false
}

/** The lease of a proxy's client: the password of basic credentials, or a bearer token. */
export function proxyTokenOf(raw: RawHeaders): string | null {
  const value = fieldOf(raw, "proxy-authorization")
  const [, scheme = "", text = ""] = /^(basic|bearer) +(\S+)$/i.exec(value ?? "") ?? []
  if (value === null) return null
  if (scheme.toLowerCase() !== "basic") return text
  const pair = Buffer.from(text, "base64").toString("latin1")
  return pair.slice(pair.indexOf(":") + 1)
}

/** What the client gets of an answer's headers. */
export function responseHeaders(raw: RawHeaders): string[] {
  return without(raw, notInResponse)
}

/** The first value of a header, or null. */
export function fieldOf(raw: RawHeaders, name: string): string | null {
  for (let at = 0; at + 1 < raw.length; at += 2)
    if (raw[at]?.toLowerCase() === name) return raw[at + 1] ?? null
  return null
}

/** All values of a header. */
function fieldsOf(raw: RawHeaders, name: string): string[] {
  return raw.filter((_, at) => at % 2 === 1 && plainName(raw[at - 1] ?? "") === name)
}

/** Whether a client sends its body only when it is asked to; one of HTTP/1.0 does not understand that. */
export function isBodyHeldBack({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion !== "1.0" && headers.expect?.toLowerCase() === "100-continue"
}

/** Whether a body that is JSON is JSON to whoever follows the headers: not coded, no form, in UTF-8. */
export function saysPlainJson(raw: RawHeaders): boolean {
  const codings = fieldsOf(raw, "content-encoding")
  const types = fieldsOf(raw, "content-type")
  return codings.every((coding) => /^identity$/i.test(coding)) && types.every(isJsonType)
}

function isJsonType(text: string): boolean {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim())
  const isKnown = /^(?:application\/(?:[\w.-]+\+)?json|text\/plain)$/i.test(type)
  return isKnown && parameters.every((each) => !/^charset/i.test(each) || utf8.test(each))
}
const utf8 = /^charset="?utf-?8"?$/i

/** What a request presents where its provider's key would be. */
export interface Presented {
  readonly lease: string | null
  /** Something is there that is no lease: perhaps a key of the agent's own. */
  readonly hasForeign: boolean
  /** That is an AWS signature (SigV4), which holds for one host only. */
  readonly isSigned: boolean
}

/**
 * The lease of a request, in whichever header a client puts its key, or among the keys of its query.
 *
 * @throws {@link AmcError} `gateway/bad-request` for two leases, or for a key header that is there twice
 */
export function presentedIn(raw: RawHeaders, queryKeys: readonly string[] = []): Presented {
  const tokens = [...queryKeys, ...keyValues(raw)]
  const leases = new Set(tokens.filter((token) => token.startsWith(leasePrefix)))
  if (leases.size > 1) throw new AmcError("gateway/bad-request", "the request carries two leases")
  const [lease = null] = leases
  const foreign = tokens.filter((token) => token !== "" && token !== lease)
  const isSigned = foreign.some((token) => token.startsWith("AWS4-"))
  return { lease, hasForeign: foreign.length > 0, isSigned }
}

function keyValues(raw: RawHeaders): string[] {
  const values = new Map<string, string>()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const place = plainName(raw[at] as string)
    if (!isKeyPlace.has(place)) continue
    if (values.has(place))
      throw new AmcError("gateway/bad-request", `the header ${place} is there more than once`)
    const value = raw[at + 1] as string
    values.set(place, place === "authorization" ? value.replace(/^bearer +/i, "") : value)
  }
  return [...values.values()]
}

function without(raw: RawHeaders, dropped: ReadonlySet<string>): string[] {
  const named = connectionNames(raw)
  const kept: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = plainName(raw[at] as string)
    if (dropped.has(name) || named?.has(name) === true || name.startsWith("x-amc-")) continue
    kept.push(raw[at] as string, raw[at + 1] as string)
  }
  return kept
}

/** Servers of the CGI family take `x_api_key` for `x-api-key`. */
function plainName(name: string): string {
  const lower = name.toLowerCase()
  return lower.includes("_") ? lower.replaceAll("_", "-") : lower
}

/** A `Connection` header can declare more headers to be for this hop only. */
function connectionNames(raw: RawHeaders): ReadonlySet<string> | null {
  let names: Set<string> | null = null
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]?.toLowerCase() !== "connection") continue
    names ??= new Set()
    for (const name of (raw[at + 1] as string).split(",")) names.add(name.trim().toLowerCase())
  }
  return names
}

function keyField({ key, keyPlace = "authorization" }: Upstream): string[] {
  if (key === null) return []
  const text = Buffer.from(key).toString("latin1")
  return [keyPlace, keyPlace === "authorization" ? `Bearer ${text}` : text]
}
