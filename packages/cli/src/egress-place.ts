import { domainToASCII } from "node:url"
import { AmcError, type EgressNarrowing, isAddressRange, parseEgressRule } from "@amc/core"
import type { EgressEdit } from "@amc/studio"
import { type Options, textOption } from "./command.ts"

/**
 * What an entry of the allowlist is to be, in its one spelling: names of other alphabets and upper-case
 * letters are taken and turned.
 *
 * @throws {@link AmcError} `usage/invalid`
 */
export function egressPlace(text: string): string {
  const [, star = "", name = "", port = ""] = /^(\*\.)?([^:[\]/@]+)(:\d+)?$/.exec(text) ?? []
  const spelled = name === "" ? text.toLowerCase() : `${star}${domainToASCII(name)}${port}`
  // A name that turns into another address would not be what was typed.
  if (parseEgressRule(spelled) !== null && !isOtherAddress(name, spelled)) return spelled
  throw new AmcError("usage/invalid", `'${text}' is no place that can be allowed`, {
    hint: "say a host such as api.example.com, all below a domain as '*.example.com', or an address, each with a port unless 443 and 80 are meant, as in [2001:db8::1]:8443",
  })
}

function isOtherAddress(name: string, spelled: string): boolean {
  return parseEgressRule(spelled)?.kind === "address" && name !== "" && !spelled.startsWith(name)
}

/** What options narrow the allowlist to, if they do. @throws {@link AmcError} `usage/invalid` */
export function egressNarrowing(places: readonly string[]): { readonly egress?: EgressNarrowing } {
  return places.length === 0 ? {} : { egress: { allow: [...new Set(places.map(egressPlace))] } }
}

/** What one command changes. @throws {@link AmcError} `usage/invalid` */
export function egressEdit(
  kind: EgressEdit["kind"],
  place: string | undefined,
  options: Options,
): EgressEdit {
  const addresses = textOption(options, "addresses") ?? null
  if (place === undefined && addresses === null)
    throw new AmcError("usage/invalid", "a place or --addresses is needed")
  if (addresses !== null && !isAddressRange(addresses))
    throw new AmcError("usage/invalid", `'${addresses}' is no range of addresses`, {
      hint: "say one such as 10.1.0.0/16, /8 at most, of IPv6 /32 at most",
    })
  return { kind, place: place === undefined ? null : egressPlace(place), addresses }
}
