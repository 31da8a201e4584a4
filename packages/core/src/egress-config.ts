import { z } from "zod"

/** Where agents may connect to, from `gateway.yaml`. What is not named is refused (G3). */
export interface EgressConfig {
  /** Hosts, `*.domain`, addresses; each with a port, or for 443 and 80. */
  readonly allow: readonly string[]
  /** Private and other special addresses, as CIDR ranges, that allowed names may lead to. */
  readonly addresses: readonly string[]
}

/** One entry of the allowlist. */
export interface EgressRule {
  /** As it stands in the config. */
  readonly text: string
  /** One host, all hosts below a domain, or one address. */
  readonly kind: "host" | "below" | "address"
  /** The host, the domain without `*.`, or the address without brackets. */
  readonly name: string
  /** Null for the ports of HTTPS and HTTP. */
  readonly port: number | null
}

const hostName =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/**
 * Whether a text is a host name in its one spelling: lower-case ASCII (`xn--` for other alphabets), no dot
 * at its end, and nothing that a resolver could take for an address.
 */
export function isHostName(text: string): boolean {
  const last = text.slice(text.lastIndexOf(".") + 1)
  return hostName.test(text) && !/^(?:\d+|0x[0-9a-f]*)$/.test(last)
}

/** Whether a text is an IPv4 or IPv6 address in its one spelling, without brackets and without a zone. */
export function isAddress(text: string): boolean {
  if (!/^[0-9a-f.:]{2,45}$/.test(text)) return false
  const host = text.includes(":") ? `[${text}]` : text
  return URL.parse(`http://${host}/`)?.hostname === host
}

/** An entry of the allowlist, or null if it is not spelled as one. */
export function parseEgressRule(text: string): EgressRule | null {
  const [, star = "", bracketed, plain = "", portText] =
    /^(\*\.)?(?:\[([^[\]]+)\]|([^:[\]]+))(?::([1-9]\d{0,4}))?$/.exec(text) ?? []
  const port = portText === undefined ? null : Number(portText)
  if (port !== null && port > 65_535) return null
  const name = bracketed ?? plain
  if (star !== "") {
    const isDomain = bracketed === undefined && isHostName(name) && name.includes(".")
    return isDomain ? { text, kind: "below", name, port } : null
  }
  // An IPv6 address stands in brackets, and nothing else does.
  if (isAddress(name) && name.includes(":") === (bracketed !== undefined))
    return { text, kind: "address", name, port }
  return bracketed === undefined && isHostName(name) ? { text, kind: "host", name, port } : null
}

/** The entries of an allowlist that was checked. */
export function egressRules(texts: readonly string[]): readonly EgressRule[] {
  return texts.map(parseEgressRule).filter((rule) => rule !== null)
}

/** Whether a text is a range of addresses that may be excepted, such as `127.0.0.1/32`: at most /8, of IPv6 /32. */
export function isAddressRange(text: string): boolean {
  const [, address = "", bits = ""] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(text) ?? []
  const [least, most] = address.includes(":") ? [32, 128] : [8, 32]
  return isAddress(address) && `${Number(bits)}` === bits && +bits >= least && +bits <= most
}

function unique(texts: readonly string[]): boolean {
  return new Set(texts).size === texts.length
}

const allowSchema = z
  .array(
    z
      .string()
      .max(262)
      .refine(
        (text) => parseEgressRule(text) !== null,
        "a host such as api.example.com, *.example.com or [2001:db8::1]:8443, in lower case",
      ),
  )
  .max(256)
  .refine(unique, "a place is named twice")

/** What narrows the allowlist for one agent or one lease, and never widens it. */
export interface EgressNarrowing {
  readonly allow: readonly string[]
}

export const egressNarrowingSchema: z.ZodType<EgressNarrowing> = z.strictObject({
  allow: allowSchema,
})

export const egressConfigSchema: z.ZodType<EgressConfig> = z.strictObject({
  allow: allowSchema.default([]),
  addresses: z
    .array(z.string().max(64).refine(isAddressRange, "a range such as 127.0.0.1/32"))
    .max(32)
    .refine(unique, "a range is named twice")
    .default([]),
})
