import { expect, test } from "vitest"
import { egressEdit, egressNarrowing, egressPlace } from "./egress-place.ts"

test.each([
  { text: "API.Example.com", place: "api.example.com" },
  { text: "*.Example.com:8443", place: "*.example.com:8443" },
  { text: "bücher.example", place: "xn--bcher-kva.example" },
  { text: "192.0.2.7:8080", place: "192.0.2.7:8080" },
  { text: "[2001:DB8::1]:443", place: "[2001:db8::1]:443" },
])("$text is written as $place (G3)", ({ text, place }) => {
  expect(egressPlace(text)).toBe(place)
})

test.each([
  "",
  "*",
  "*.com",
  "https://example.com",
  "example.com/",
  "user@example.com",
  "example.com:0",
  "2130706433",
  "0x7f.1",
  "127.1",
  "example.com.",
  "[fe80::1%eth0]",
  "1。2。3。4",
])("%j is no place that can be allowed (G3)", (text) => {
  expect(() => egressPlace(text)).toThrow(expect.objectContaining({ code: "usage/invalid" }))
})

test("places narrow the allowlist in their one spelling, and none leaves it as it is (G3)", () => {
  expect(egressNarrowing([])).toEqual({})
  expect(egressNarrowing(["API.test", "api.test"])).toEqual({ egress: { allow: ["api.test"] } })
  expect(() => egressNarrowing(["127.1"])).toThrow(
    expect.objectContaining({ code: "usage/invalid" }),
  )
})

test("a change names a place, a range of addresses, or both", () => {
  expect(egressEdit("allow", "a.test", {})).toEqual({
    kind: "allow",
    place: "a.test",
    addresses: null,
  })
  expect(egressEdit("remove", undefined, { addresses: "10.1.0.0/16" })).toEqual({
    kind: "remove",
    place: null,
    addresses: "10.1.0.0/16",
  })
  for (const options of [{}, { addresses: "10.0.0.0/4" }, { addresses: "everything" }])
    expect(() => egressEdit("allow", undefined, options)).toThrow(
      expect.objectContaining({ code: "usage/invalid" }),
    )
})
