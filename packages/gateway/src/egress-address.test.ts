import { networkInterfaces } from "node:os"
import { expect, test } from "vitest"
import { exceptedRange, isOwnAddress, judgeAddress } from "./egress-address.ts"

test.each([
  { why: "private, class A", address: "10.1.2.3" },
  { why: "private, class B", address: "172.31.255.255" },
  { why: "private, class C", address: "192.168.0.1" },
  { why: "loopback", address: "127.0.0.1" },
  { why: "loopback, elsewhere in its net", address: "127.255.255.254" },
  { why: "this network", address: "0.0.0.0" },
  { why: "this network, a host of it", address: "0.1.2.3" },
  { why: "link-local, where clouds keep their metadata", address: "169.254.169.254" },
  { why: "carrier-grade NAT", address: "100.64.0.1" },
  { why: "carrier-grade NAT, another cloud's metadata", address: "100.100.100.200" },
  { why: "a cloud's wire server", address: "168.63.129.16" },
  { why: "IETF assignments, with metadata in them", address: "192.0.0.192" },
  { why: "documentation", address: "203.0.113.7" },
  { why: "benchmarks", address: "198.18.0.1" },
  { why: "the 6to4 relay", address: "192.88.99.1" },
  { why: "multicast", address: "224.0.0.1" },
  { why: "reserved", address: "240.0.0.1" },
  { why: "broadcast", address: "255.255.255.255" },
  { why: "IPv6 loopback", address: "::1" },
  { why: "IPv6 unspecified", address: "::" },
  { why: "IPv6 link-local", address: "fe80::1" },
  { why: "IPv6 link-local with a zone", address: "fe80::1%eth0" },
  { why: "IPv6 site-local", address: "fec0::1" },
  { why: "IPv6 unique local", address: "fd00:ec2::254" },
  { why: "IPv6 multicast", address: "ff02::1" },
  { why: "mapped", address: "::ffff:8.8.8.8" },
  { why: "mapped, in hexadecimal", address: "::ffff:7f00:1" },
  { why: "compatible", address: "::8.8.8.8" },
  { why: "translated", address: "::ffff:0:8.8.8.8" },
  { why: "NAT64", address: "64:ff9b::808:808" },
  { why: "NAT64, local", address: "64:ff9b:1::808:808" },
  { why: "6to4", address: "2002:7f00:1::" },
  { why: "Teredo", address: "2001:0:4136:e378::" },
  { why: "discard", address: "100::1" },
  { why: "IPv6 documentation", address: "2001:db8::1" },
  { why: "IPv6 documentation, the newer one", address: "3fff::1" },
  { why: "ORCHID", address: "2001:20::1" },
  { why: "not handed out", address: "4000::1" },
  { why: "no address at all", address: "host.test" },
  { why: "empty", address: "" },
])("an address that is $why is refused (G3)", ({ address }) => {
  expect(judgeAddress(address, [])).toEqual({ denial: expect.any(String), exception: "" })
})

test.each(["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"])(
  "%s is let through",
  (address) => {
    expect(judgeAddress(address, [])).toEqual({ denial: null, exception: "" })
  },
)

test("a signed range lets its own addresses in and says so, and no other", () => {
  const exceptions = ["10.1.0.0/16", "fd00:1::/64"].map(exceptedRange)
  expect(judgeAddress("10.1.2.3", exceptions)).toEqual({ denial: null, exception: "10.1.0.0/16" })
  expect(judgeAddress("fd00:1::7", exceptions)).toEqual({ denial: null, exception: "fd00:1::/64" })
  expect(judgeAddress("10.2.2.3", exceptions).denial).toBe("private")
  expect(judgeAddress("::ffff:10.1.2.3", exceptions).denial).toBe("ipv4Mapped")
  expect(judgeAddress("8.8.8.8", exceptions)).toEqual({ denial: null, exception: "" })
})

test("every address of this machine is its own", () => {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  expect(addresses.length).toBeGreaterThan(0)
  for (const { address } of addresses) expect(isOwnAddress(address.replace(/%.*/, ""))).toBe(true)
  for (const address of ["127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"])
    expect(isOwnAddress(address)).toBe(true)
  for (const address of ["8.8.8.8", "host.test", "2606:4700:4700::1111"])
    expect(isOwnAddress(address)).toBe(false)
})
