import * as fc from "fast-check"
import { AmcError } from "@amc/core"
import { expect, test } from "vitest"
import { connectTarget, requestTarget, requireHost } from "./egress-target.ts"

test.each([
  { text: "example.com:443", host: "example.com", port: 443, isAddress: false },
  { text: "EXAMPLE.com:8443", host: "example.com", port: 8443, isAddress: false },
  { text: "localhost:65535", host: "localhost", port: 65535, isAddress: false },
  { text: "192.0.2.7:443", host: "192.0.2.7", port: 443, isAddress: true },
  { text: "[2001:DB8::1]:443", host: "2001:db8::1", port: 443, isAddress: true },
])("reads the tunnel target $text", ({ text, ...target }) => {
  expect(connectTarget(text)).toEqual(target)
})

test.each([
  { why: "no port", text: "example.com" },
  { why: "an empty port", text: "example.com:" },
  { why: "port 0", text: "example.com:0" },
  { why: "port 65536", text: "example.com:65536" },
  { why: "a port with a sign", text: "example.com:+443" },
  { why: "a port with zeros", text: "example.com:00443" },
  { why: "two ports", text: "example.com:443:80" },
  { why: "a decimal address", text: "2130706433:443" },
  { why: "a hexadecimal address", text: "0x7f000001:443" },
  { why: "a hexadecimal last part", text: "127.0.0.0x1:443" },
  { why: "an octal address", text: "0177.0.0.1:443" },
  { why: "a short address", text: "127.1:443" },
  { why: "an address with a dot behind it", text: "127.0.0.1.:443" },
  { why: "a trailing dot", text: "example.com.:443" },
  { why: "a user", text: "user@example.com:443" },
  { why: "a user that looks like an allowed host", text: "example.com:443@evil.test:443" },
  { why: "a user and password", text: "a:b@example.com:443" },
  { why: "a path", text: "example.com:443/" },
  { why: "a scheme", text: "https://example.com:443" },
  { why: "a slash", text: "/example.com:443" },
  { why: "an ideographic dot", text: "example。com:443" },
  { why: "a full-width letter", text: "ｅxample.com:443" },
  { why: "a soft hyphen", text: "exam­ple.com:443" },
  { why: "a percent-encoded dot", text: "example%2ecom:443" },
  { why: "a zone", text: "[fe80::1%25eth0]:443" },
  { why: "a zone that is not encoded", text: "[fe80::1%eth0]:443" },
  { why: "IPv6 without brackets", text: "::1:443" },
  { why: "a mapped address in dots", text: "[::ffff:127.0.0.1]:443" },
  { why: "a name in brackets", text: "[example.com]:443" },
  { why: "an empty label", text: "example..com:443" },
  { why: "a leading dot", text: ".example.com:443" },
  { why: "a star", text: "*.example.com:443" },
  { why: "a NUL", text: "example.com\0.evil.test:443" },
  { why: "a line break", text: "example.com\r\n:443" },
  { why: "nothing", text: "" },
])("refuses a tunnel to $why (G3)", ({ text }) => {
  expect(() => connectTarget(text)).toThrow(expect.objectContaining({ code: "egress/bad-target" }))
})

test.each([
  { url: "http://example.com/a?b", host: "example.com", port: 80, path: "/a?b" },
  { url: "HTTP://EXAMPLE.com", host: "example.com", port: 80, path: "/" },
  { url: "http://example.com?b", host: "example.com", port: 80, path: "/?b" },
  { url: "http://example.com:8080/%2e%2e/", host: "example.com", port: 8080, path: "/%2e%2e/" },
  { url: "http://[2001:db8::1]/", host: "2001:db8::1", port: 80, path: "/" },
])("reads the request target $url", ({ url, ...target }) => {
  expect(requestTarget(url)).toMatchObject(target)
})

test.each([
  { why: "https, which would need a tunnel", url: "https://example.com/" },
  { why: "another scheme", url: "ftp://example.com/" },
  { why: "a path alone", url: "/v1/chat" },
  { why: "a user", url: "http://user@example.com/" },
  { why: "a user that looks like a host", url: "http://example.com:80@evil.test/" },
  { why: "a backslash, which some take for a slash", url: "http://evil.test\\@example.com/" },
  { why: "a fragment", url: "http://example.com/#x" },
  { why: "a space", url: "http://example.com/a b" },
  { why: "no host", url: "http:///a" },
  { why: "a decimal address", url: "http://2130706433/" },
  { why: "an octal address", url: "http://0177.0.0.1/" },
  { why: "port 0", url: "http://example.com:0/" },
  { why: "a star", url: "*" },
])("refuses a request to $why (G3)", ({ url }) => {
  expect(() => requestTarget(url)).toThrow(expect.objectContaining({ code: "egress/bad-target" }))
})

const target = { host: "example.com", port: 443, isAddress: false }

test.each([
  { why: "the host", hosts: ["example.com"], kind: "tunnel" },
  { why: "host and port", hosts: ["EXAMPLE.com:443"], kind: "tunnel" },
  { why: "nothing, as older clients do", hosts: [], kind: "tunnel" },
  { why: "host and port of a request", hosts: ["example.com:443"], kind: "http" },
] as const)("a $kind may name $why in Host", ({ hosts, kind }) => {
  expect(() =>
    requireHost(
      hosts.flatMap((host) => ["Host", host]),
      target,
      kind,
    ),
  ).not.toThrow()
})

test.each([
  { why: "another host", hosts: ["evil.test"], kind: "tunnel" },
  { why: "another port", hosts: ["example.com:80"], kind: "tunnel" },
  { why: "two hosts", hosts: ["example.com", "evil.test"], kind: "tunnel" },
  { why: "the same host twice", hosts: ["example.com", "example.com"], kind: "http" },
  { why: "a list", hosts: ["example.com,evil.test"], kind: "http" },
  { why: "no host", hosts: [], kind: "http" },
  { why: "no port where it is not 80", hosts: ["example.com"], kind: "http" },
] as const)("a $kind that names $why in Host is refused (G3)", ({ hosts, kind }) => {
  expect(() =>
    requireHost(
      hosts.flatMap((host) => ["hOsT", host]),
      target,
      kind,
    ),
  ).toThrow(expect.objectContaining({ code: "egress/host-mismatch" }))
})

test("any text is a target or a refusal, and a target has one spelling", () => {
  const part = fc.constantFrom(
    "a",
    "1",
    ".",
    ":",
    "[",
    "]",
    "@",
    "%",
    "/",
    "0x",
    "-",
    "443",
    "com",
    "é",
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(part, { maxLength: 12 }).map((all) => all.join("")),
      ),
      (text) => {
        try {
          const { host, port } = connectTarget(text)
          const written = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
          expect(written).toBe(text.toLowerCase())
        } catch (error) {
          expect(error).toBeInstanceOf(AmcError)
        }
      },
    ),
    { numRuns: 3000 },
  )
})
