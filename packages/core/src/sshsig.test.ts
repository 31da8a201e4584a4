import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { seededSigner } from "@amc/testkit"
import * as fc from "fast-check"
import { expect, onTestFinished, test } from "vitest"
import { fromBase64, toBase64 } from "./base64.ts"
import { text, utf8 } from "./bytes.ts"
import { publicKeyFromRaw } from "./ed25519.ts"
import type { PublicKey } from "./public-key.ts"
import { parseSshsig, signSshsig, sshPublicKey, verifySshsig } from "./sshsig.ts"

const signer = seededSigner("release")
const message = utf8("what is signed\n")
const signed = utf8(signSshsig("amc.test", message, signer))

const keysOf = (...keys: readonly PublicKey[]): ReadonlyMap<string, PublicKey> =>
  new Map(keys.map((key) => [key.kid, key]))

function isAccepted(bytes: Uint8Array, namespace = "amc.test", of = message): boolean {
  try {
    return verifySshsig(parseSshsig(bytes, namespace), namespace, of, keysOf(signer.key))
  } catch (error) {
    expect(error).toMatchObject({ code: "input/malformed" })
    return false
  }
}

test("accepts a signature for its message, namespace and key alone", () => {
  expect(isAccepted(signed)).toBe(true)
  expect(isAccepted(signed, "amc.test", utf8("another"))).toBe(false)
  expect(isAccepted(signed, "amc.bundle")).toBe(false)
  const parsed = parseSshsig(signed, "amc.test")
  const others = keysOf(seededSigner("another").key)
  expect(verifySshsig(parsed, "amc.test", message, others)).toBe(false)
  const misnamed = new Map([[parsed.kid, seededSigner("another").key]])
  expect(verifySshsig(parsed, "amc.test", message, misnamed)).toBe(false)
})

test("has one spelling: no byte of it can change", () => {
  fc.assert(
    fc.property(fc.nat(signed.length * 8 - 1), (bit) => {
      const changed = Uint8Array.from(signed)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(isAccepted(changed)).toBe(false)
    }),
    { numRuns: 400 },
  )
})

test.each([
  { why: "nothing", of: () => "" },
  { why: "no header", of: (armored: string) => armored.split("\n").slice(1).join("\n") },
  { why: "no last newline", of: (armored: string) => armored.trimEnd() },
  { why: "other line breaks", of: (armored: string) => armored.replaceAll("\n", "\r\n") },
  { why: "its text in one line", of: (armored: string) => reflow(armored) },
  { why: "something after it", of: (armored: string) => `${armored}\n` },
  {
    why: "a shorter blob",
    of: (armored: string) => reflow(armored, (blob) => blob.subarray(0, 40)),
  },
])("refuses $why", ({ of }) => {
  expect(isAccepted(utf8(of(text(signed))))).toBe(false)
})

function reflow(armored: string, change = (blob: Uint8Array): Uint8Array => blob): string {
  const lines = armored.trimEnd().split("\n")
  const blob = change(fromBase64(lines.slice(1, -1).join("")))
  return `${lines[0]}\n${toBase64(blob)}\n${lines.at(-1)}\n`
}

const sshKeygen = "/usr/bin/ssh-keygen"

test.skipIf(!existsSync(sshKeygen))(
  "reads what ssh-keygen signs, byte for byte as it writes it",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "amc-sshsig-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, "key")
    execFileSync(sshKeygen, ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file])
    writeFileSync(join(folder, "message"), message)
    const how = ["-Y", "sign", "-q", "-f", file, "-n", "amc.test", "-O", "hashalg=sha256"]
    execFileSync(sshKeygen, [...how, join(folder, "message")], { stdio: "pipe" })
    const line = readFileSync(`${file}.pub`, "utf8").trim()
    const key = publicKeyFromRaw(fromBase64(line.split(" ")[1]!).slice(-32))
    expect(sshPublicKey(key)).toBe(line)
    const parsed = parseSshsig(readFileSync(join(folder, "message.sig")), "amc.test")
    expect(verifySshsig(parsed, "amc.test", message, keysOf(key))).toBe(true)
  },
)
