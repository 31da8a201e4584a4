import type { IncomingMessage } from "node:http"
import { AmcError, isAddress, isHostName } from "@amc/core"
import { fieldOf } from "./header-fields.ts"

/** A host and port that a client asks for, in one spelling. */
export interface EgressTarget {
  /** A name in lower case, or an address without brackets. */
  readonly host: string
  readonly port: number
  readonly isAddress: boolean
}

/** What a plain HTTP request asks for. */
export interface RequestTarget extends EgressTarget {
  /** Path and query, byte for byte. */
  readonly path: string
}

/**
 * Reads the target of CONNECT: `host:port`, the port always said. One spelling of each address is taken:
 * decimal, octal and hexadecimal forms, zones, dots at the end and users are refused.
 *
 * @throws {@link AmcError} `egress/bad-target`
 */
export function connectTarget(authority: string): EgressTarget {
  const target = authorityOf(authority, null)
  if (target === null) throw badTarget("CONNECT takes a host and a port, such as example.com:443")
  return target
}

/**
 * Reads the target of a plain request through a proxy: an absolute `http:` URL.
 *
 * @throws {@link AmcError} `egress/bad-target`
 */
export function requestTarget(url: string): RequestTarget {
  const [, authority = "", rest = ""] = /^http:\/\/([^/?#\\]*)((?:[/?][!-~]*)?)$/i.exec(url) ?? []
  const target = authorityOf(authority, 80)
  if (target === null || rest.includes("#"))
    throw badTarget("a plain request takes an absolute http address, such as http://example.com/")
  return { ...target, path: rest.startsWith("/") ? rest : `/${rest}` }
}

/**
 * Requires that the Host fields of a request name its target, so that no server behind is asked for another.
 *
 * @throws {@link AmcError} `egress/host-mismatch`
 */
export function requireHost(
  rawHeaders: readonly string[],
  target: EgressTarget,
  kind: "tunnel" | "http",
): void {
  const hosts = rawHeaders.filter((_, at) => at % 2 === 1 && isHostField(rawHeaders[at - 1]))
  if (kind === "tunnel" && hosts.length === 0) return
  // Clients leave the port of a tunnel's host out.
  const named = authorityOf(hosts[0] ?? "", kind === "tunnel" ? target.port : 80)
  if (hosts.length !== 1 || named?.host !== target.host || named.port !== target.port)
    throw new AmcError("egress/host-mismatch", "the Host header is not the host of the target")
}

/**
 * The target of a CONNECT request, which must have no body.
 *
 * @throws {@link AmcError} `egress/bad-target`, `egress/host-mismatch`
 */
export function tunnelTarget({
  rawHeaders,
  url = "",
}: Pick<IncomingMessage, "rawHeaders" | "url">): EgressTarget {
  const target = connectTarget(url)
  requireHost(rawHeaders, target, "tunnel")
  const hasBody = ["content-length", "transfer-encoding"].some(
    (name) => fieldOf(rawHeaders, name) !== null,
  )
  if (hasBody) throw badTarget("CONNECT has no body")
  return target
}

/** How a host is written where a port may follow. */
export function bracketed({ host }: EgressTarget): string {
  return host.includes(":") ? `[${host}]` : host
}

function isHostField(name: string | undefined): boolean {
  return name?.toLowerCase() === "host"
}

function authorityOf(text: string, defaultPort: number | null): EgressTarget | null {
  const [, v6, name = "", portText] =
    /^(?:\[([^[\]]{2,45})\]|([^:[\]]{1,253}))(?::([1-9]\d{0,4}))?$/.exec(text) ?? []
  const port = portText === undefined ? defaultPort : Number(portText)
  if (port === null || port > 65_535) return null
  const host = (v6 ?? name).toLowerCase()
  const isLiteral = isAddress(host) && host.includes(":") === (v6 !== undefined)
  return isLiteral || (v6 === undefined && isHostName(host))
    ? { host, port, isAddress: isLiteral }
    : null
}

function badTarget(message: string): AmcError {
  return new AmcError("egress/bad-target", message)
}
