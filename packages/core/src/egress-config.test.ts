import { expect, test } from "vitest"
import { utf8 } from "./bytes.ts"
import { gatewayConfigSchema } from "./config.ts"
import { isAddress, isAddressRange, isHostName, parseEgressRule } from "./egress-config.ts"
import { parseYaml } from "./yaml.ts"

test.each([
  { text: "api.example.com", rule: { kind: "host", name: "api.example.com", port: null } },
  { text: "localhost:8080", rule: { kind: "host", name: "localhost", port: 8080 } },
  { text: "*.example.com", rule: { kind: "below", name: "example.com", port: null } },
  { text: "*.example.com:65535", rule: { kind: "below", name: "example.com", port: 65535 } },
  { text: "xn--mnchen-3ya.de", rule: { kind: "host", name: "xn--mnchen-3ya.de", port: null } },
  { text: "192.0.2.7", rule: { kind: "address", name: "192.0.2.7", port: null } },
  { text: "[2001:db8::1]:8443", rule: { kind: "address", name: "2001:db8::1", port: 8443 } },
] as const)("reads the entry $text (G3)", ({ text, rule }) => {
  expect(parseEgressRule(text)).toEqual({ text, ...rule })
})

test.each([
  { why: "no host", text: "" },
  { why: "everything", text: "*" },
  { why: "everything below nothing", text: "*." },
  { why: "a whole top-level domain", text: "*.com" },
  { why: "a star inside", text: "api.*.com" },
  { why: "a star in a label", text: "api*.example.com" },
  { why: "addresses below a star", text: "*.192.0.2.7" },
  { why: "a star before brackets", text: "*.[2001:db8::1]" },
  { why: "upper case", text: "API.example.com" },
  { why: "another alphabet", text: "münchen.de" },
  { why: "a full-width dot", text: "example。com" },
  { why: "a trailing dot", text: "example.com." },
  { why: "an empty label", text: "example..com" },
  { why: "a label that ends in a dash", text: "example-.com" },
  { why: "a label of 64", text: `${"a".repeat(64)}.com` },
  { why: "port 0", text: "example.com:0" },
  { why: "port 65536", text: "example.com:65536" },
  { why: "a port with a zero before it", text: "example.com:0443" },
  { why: "an empty port", text: "example.com:" },
  { why: "a scheme", text: "https://example.com" },
  { why: "a path", text: "example.com/" },
  { why: "a user", text: "user@example.com" },
  { why: "IPv6 without brackets", text: "2001:db8::1" },
  { why: "IPv4 in brackets", text: "[192.0.2.7]" },
  { why: "a zone", text: "[fe80::1%eth0]" },
  { why: "IPv6 in another spelling", text: "[2001:DB8::1]" },
  { why: "IPv6 with zeros", text: "[2001:db8:0:0::1]" },
  { why: "a decimal address", text: "2130706433" },
  { why: "a hexadecimal address", text: "0x7f000001" },
  { why: "an octal address", text: "0177.0.0.1" },
  { why: "a short address", text: "127.1" },
])("refuses an entry with $why (G3)", ({ text }) => {
  expect(parseEgressRule(text)).toBeNull()
})

test.each([
  { text: "127.0.0.1/32", is: true },
  { text: "10.0.0.0/8", is: true },
  { text: "fd00::/32", is: true },
  { text: "::1/128", is: true },
  { text: "0.0.0.0/0", is: false },
  { text: "0.0.0.0/7", is: false },
  { text: "::/0", is: false },
  { text: "fc00::/7", is: false },
  { text: "127.0.0.1/33", is: false },
  { text: "127.0.0.1/08", is: false },
  { text: "127.0.0.1", is: false },
  { text: "127.1/32", is: false },
])("a range of excepted addresses: $text is $is", ({ text, is }) => {
  expect(isAddressRange(text)).toBe(is)
})

test.each(["1.2.3.4.", "0x7f.1", "a.0x", "1", "a b", "a\n", "-a.com", "a.com\0"])(
  "%j is no host name",
  (text) => {
    expect(isHostName(text)).toBe(false)
  },
)

test.each(["0x7f.0.0.1", "127.0.0.01", "1.2.3", "fe80::1%1", "::ffff:1.2.3.4", "1:2"])(
  "%j is no address in its one spelling",
  (text) => {
    expect(isAddress(text)).toBe(false)
  },
)

test("reads gateway.yaml with and without an allowlist", () => {
  const read = (text: string) => parseYaml(utf8(text), gatewayConfigSchema, "gateway.yaml")
  expect(read("v: 1\nproviders: []\n")).toEqual({ v: 1, providers: [] })
  expect(read("v: 1\nproviders: []\negress: {allow: [example.com]}\n")).toEqual({
    v: 1,
    providers: [],
    egress: { allow: ["example.com"], addresses: [] },
  })
  const twice = "v: 1\nproviders: []\negress: {allow: [example.com, example.com]}\n"
  expect(() => read(twice)).toThrow(expect.objectContaining({ code: "input/malformed" }))
})
