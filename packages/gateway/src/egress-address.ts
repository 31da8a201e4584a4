import { isIPv4, isIPv6 } from "node:net"
import { networkInterfaces } from "node:os"
import ipaddr from "ipaddr.js"

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** What is thought of an address that a connection would go to. */
export interface AddressVerdict {
  /** Why it is refused; null if it is not. */
  readonly denial: string | null
  /** The signed range that lets it in although it is special; empty if none was needed. */
  readonly exception: string
}

/** Addresses that the owner lets in although they are private or special. */
export interface ExceptedRange {
  /** As it stands in the config. */
  readonly text: string
  readonly base: Address
  readonly bits: number
}

/** A range as `isAddressRange` takes it. */
export function exceptedRange(text: string): ExceptedRange {
  const [base, bits] = ipaddr.parseCIDR(text)
  return { text, base, bits }
}

/** Where one cloud's machines ask for their secrets; it looks like any public address. */
const metadata = new Set(["168.63.129.16"])
const globalUnicast: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("2000::"), 3]
const documentation: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("3fff::"), 20]

/**
 * Judges an address: only global unicast that is not this machine itself is let through, and what the
 * owner excepted. Forms of IPv6 that carry an IPv4 address are refused whole, whatever they carry.
 */
export function judgeAddress(text: string, exceptions: readonly ExceptedRange[]): AddressVerdict {
  const address = parse(text)
  if (address === null) return { denial: "no address", exception: "" }
  const denial = denialOf(address)
  if (denial === null) return { denial, exception: "" }
  const exception = exceptions.find((range) => isWithin(address, range))
  if (exception === undefined) return { denial, exception: "" }
  return { denial: null, exception: exception.text }
}

/** Whether an address reaches this machine. */
export function isOwnAddress(text: string): boolean {
  const address = parse(text)
  if (address === null) return false
  const plain =
    address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? mapped(address) : address
  return ["loopback", "unspecified"].includes(plain.range()) || isOfThisMachine(plain)
}

function parse(text: string): Address | null {
  if (isIPv4(text)) return ipaddr.IPv4.parse(text)
  // A zone says on which cable, and never belongs to a global address.
  return isIPv6(text) && !text.includes("%") ? ipaddr.IPv6.parse(text) : null
}

function mapped(address: ipaddr.IPv6): ipaddr.IPv4 {
  return address.toIPv4Address()
}

function denialOf(address: Address): string | null {
  const range = address.range()
  if (range !== "unicast") return range
  if (address instanceof ipaddr.IPv6) {
    if (!address.match(globalUnicast)) return "not global unicast"
    if (address.match(documentation)) return "reserved"
  }
  if (metadata.has(address.toString())) return "cloud metadata"
  return isOfThisMachine(address) ? "this machine" : null
}

function isOfThisMachine(address: Address): boolean {
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
  const text = address.toString()
  return own.some((entry) => parse(entry.address.replace(/%.*$/, ""))?.toString() === text)
}

function isWithin(address: Address, { base, bits }: ExceptedRange): boolean {
  return base.kind() === address.kind() && address.match(base, bits)
}
