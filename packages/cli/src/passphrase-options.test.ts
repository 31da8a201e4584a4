import { expect, test } from "vitest"
import { duration } from "./duration.ts"
import { givenPassphrases } from "./passphrase-options.ts"
import { parseCommandLine } from "./parser.ts"

test("finds what is given for each slot", async () => {
  const words = ["--passphrase-file", "monitor=/a=b", "--passphrase-fd", "root=3"]
  const parsed = await parseCommandLine(["run", "--agent", "x", ...words], "0")
  const options = parsed.kind === "command" ? parsed.options : {}
  expect([...givenPassphrases(options)]).toEqual([
    ["monitor", { file: "/a=b" }],
    ["root", { descriptor: 3 }],
  ])
  expect([...givenPassphrases({})]).toEqual([])
})

test.each([
  { why: "no slot", options: { passphraseFile: ["/a"] } },
  { why: "a slot that is none", options: { passphraseFile: ["ledger=/a"] } },
  { why: "nothing for the slot", options: { passphraseFile: ["monitor="] } },
  { why: "a slot twice", options: { passphraseFile: ["root=/a"], passphraseFd: ["root=3"] } },
  { why: "no number", options: { passphraseFd: ["root=x"] } },
  { why: "an output", options: { passphraseFd: ["root=1"] } },
])("refuses $why", ({ options }) => {
  expect(() => givenPassphrases(options)).toThrow(
    expect.objectContaining({ code: "usage/invalid" }),
  )
})

test("only what opens the vault takes passphrases", async () => {
  const typed = ["bundle", "verify", "x", "--root", "y", "--passphrase-fd", "root=3"]
  await expect(parseCommandLine(typed, "0")).rejects.toMatchObject({ code: "usage/invalid" })
})

test.each([
  ["90s", 90_000],
  ["30m", 1_800_000],
  ["8h", 28_800_000],
  ["2d", 172_800_000],
])("%s is %d ms", (text, ms) => {
  expect(duration(text, "for")).toBe(ms)
})

test.each(["", "8", "h", "0h", "1.5h", "-1h", "8h ", "9999999s"])("%j is no time", (text) => {
  expect(() => duration(text, "for")).toThrow(expect.objectContaining({ code: "usage/invalid" }))
})
