import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { searchForCanary } from "./canary-search.ts"
import { TrippedScanner } from "./tripped-scanner.ts"

const text = "0123456789abcdef".repeat(4)
const secret = Buffer.from("the lease of a session")

function scanner(): { tripped: TrippedScanner; seen: () => number } {
  let seen = 0
  const tripped = new TrippedScanner([secret], { text, onSeen: () => void seen++ })
  return { tripped, seen: () => seen }
}

test("a canary is redacted, counted and told of; another secret is not told of", () => {
  const { tripped, seen } = scanner()
  expect(tripped.count(secret)).toBe(1)
  expect(seen()).toBe(0)
  expect(tripped.redactText(`a ${text} b`)).toBe(`a ${"*".repeat(64)} b`)
  expect(seen()).toBe(1)
})

test("a scanner that learns a lease still tells of the canary, across pieces and in hex", () => {
  const { tripped, seen } = scanner()
  const stream = tripped.with(Buffer.from("another lease")).stream()
  const hex = Buffer.from(Buffer.from(text).toString("hex"))
  stream.push(hex.subarray(0, 50))
  expect(seen()).toBe(0)
  stream.push(hex.subarray(50))
  expect({ found: stream.found, seen: seen() }).toEqual({ found: 1, seen: 1 })
})

test("a folder is searched to its end, links left alone, and what can't be read is said", () => {
  const folder = mkdtempSync(join(tmpdir(), "amc-test-"))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, "deep/er"), { recursive: true })
  writeFileSync(join(folder, "deep/er/file"), `${"x".repeat(300_000)}${text}`)
  writeFileSync(join(folder, "other"), "nothing")
  symlinkSync("/etc/passwd", join(folder, "link"))
  expect(searchForCanary(folder, text)).toEqual({ found: 1, bytes: 300_071, isComplete: true })
  expect(searchForCanary(join(folder, "missing"), text)).toEqual({
    found: 0,
    bytes: 0,
    isComplete: false,
  })
})
