import { closeSync, openSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { text, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { temporaryFolder } from "./folder.fixture.ts"
import {
  generatePassphrase,
  readPassphraseDescriptor,
  readPassphraseFile,
  writePassphraseFile,
} from "./passphrase.ts"

const newPath = (): string => join(temporaryFolder(), "passphrase")

function fileOf(content: string | Uint8Array, mode = 0o600): string {
  const path = newPath()
  writeFileSync(path, content, { mode })
  return path
}

test("generates passphrases of 43 letters that are never the same", () => {
  const made = new Set(Array.from({ length: 100 }, () => text(generatePassphrase())))
  expect(made.size).toBe(100)
  for (const passphrase of made) expect(passphrase).toMatch(/^[A-Za-z0-9_-]{43}$/u)
})

test("keeps a passphrase in a private file and never overwrites it", () => {
  const [path, passphrase] = [newPath(), generatePassphrase()]
  writePassphraseFile(path, passphrase)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readPassphraseFile(path)).toEqual(passphrase)
  expect(() => writePassphraseFile(path, passphrase)).toThrow(
    expect.objectContaining({ code: "workspace/exists" }),
  )
})

test.each([
  { why: "no line end", content: "pass phrase", read: "pass phrase" },
  { why: "a line end", content: "pass\n", read: "pass" },
  { why: "a line end of windows", content: "pass\r\n", read: "pass" },
  { why: "two line ends, of which one is its own", content: "pass\n\n", read: "pass\n" },
  { why: "spaces around it", content: " pass \n", read: " pass " },
  { why: "a carriage return of its own", content: "pass\r", read: "pass\r" },
])("reads a passphrase with $why from a file and a descriptor", ({ content, read }) => {
  const path = fileOf(content)
  expect(readPassphraseFile(path)).toEqual(utf8(read))
  const descriptor = openSync(path, "r")
  expect(readPassphraseDescriptor(descriptor)).toEqual(utf8(read))
  closeSync(descriptor)
})

test.each([
  { why: "empty", make: () => fileOf(""), code: "usage/invalid" },
  { why: "only a line end", make: () => fileOf("\n"), code: "usage/invalid" },
  { why: "too long", make: () => fileOf("x".repeat(1025)), code: "input/too-large" },
  { why: "not there", make: newPath, code: "vault/locked" },
  { why: "open to others", make: () => fileOf("pass", 0o644), code: "vault/unsafe-file" },
  { why: "a link", make: linkToFile, code: "vault/unsafe-file" },
  { why: "a pipe", make: pipe, code: "vault/unsafe-file" },
])("refuses a passphrase file that is $why", ({ make, code }) => {
  expect(() => readPassphraseFile(make())).toThrow(expect.objectContaining({ code }))
})

test("refuses an endless descriptor", () => {
  const zeros = openSync("/dev/zero", "r")
  expect(() => readPassphraseDescriptor(zeros)).toThrow(
    expect.objectContaining({ code: "input/too-large" }),
  )
  closeSync(zeros)
})

function linkToFile(): string {
  const path = newPath()
  symlinkSync(fileOf("pass"), path)
  return path
}

function pipe(): string {
  const path = newPath()
  execFileSync("mkfifo", ["-m", "600", path])
  return path
}
