import { execFileSync } from "node:child_process"
import { createPublicKey } from "node:crypto"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fromBase64, parseVkey, utf8 } from "@amc/core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { exportKeys } from "./key-export.ts"
import { keysInUse, listKeys } from "./key-list.ts"
import { readTrustFile } from "@amc/verify"
import { newPlace, now, type Place } from "./workspace.fixture.ts"

let place: Place
beforeAll(async () => {
  place = await newPlace()
})
afterAll(() => rmSync(place.top, { recursive: true, force: true }))

test("the ledger's vkey is read by a reader of signed notes", () => {
  const { keyring, origin } = place.workspace
  const line = exportKeys(place.workspace, "vkey", now)
  expect(parseVkey(line.trimEnd())).toEqual({
    name: origin,
    key: keysInUse(keyring, "ledger", now)[0],
  })
})

test("every key is in the PEM text, readable as SPKI", () => {
  const text = exportKeys(place.workspace, "pem", now)
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----[^]*?-----END PUBLIC KEY-----/g) ?? []
  const raws = blocks.map((pem) => createPublicKey(pem).export({ format: "jwk" })["x"])
  const keys = listKeys(place.workspace.keyring, now)
  expect(raws).toEqual(keys.map(({ key }) => Buffer.from(key.raw).toString("base64url")))
  for (const { kid, role } of keys) expect(text).toContain(`${role} ${kid} (in use)\n`)
})

test("allowed_signers holds the release key in OpenSSH's form (RFC 8709)", () => {
  const line = exportKeys(place.workspace, "allowed_signers", now)
  const [principal, options, type, blob = ""] = line.trimEnd().split(" ")
  expect([principal, options, type]).toEqual([
    place.workspace.workspace,
    'namespaces="amc.bundle"',
    "ssh-ed25519",
  ])
  const bytes = Buffer.from(fromBase64(blob))
  expect(bytes.readUInt32BE(0)).toBe(11)
  expect(bytes.subarray(4, 15).toString()).toBe("ssh-ed25519")
  expect(bytes.readUInt32BE(15)).toBe(32)
  const [release] = keysInUse(place.workspace.keyring, "release", now)
  expect(bytes.subarray(19)).toEqual(Buffer.from(release!.raw))
})

test.skipIf(!hasSshKeygen())("ssh-keygen reads the release key (needs ssh-keygen)", () => {
  const file = join(place.top, "release.pub")
  const [, , type, blob] = exportKeys(place.workspace, "allowed_signers", now).trimEnd().split(" ")
  writeFileSync(file, `${type} ${blob} release\n`)
  expect(execFileSync("ssh-keygen", ["-l", "-f", file]).toString()).toMatch(/^256 SHA256:.*ED25519/)
})

test("a trust file is read back, and no changed digest, root or order of it", () => {
  const text = exportKeys(place.workspace, "trust", now)
  const { rootSha256 } = place.workspace
  expect(readTrustFile(utf8(text))).toMatchObject({ rootSha256 })
  const another = text.replace(rootSha256, "ab".repeat(32))
  const cut = text.replace(/"roots": \[[^\]]*\]/, '"roots": []')
  for (const changed of [another, cut, text.slice(0, -5), "{}", ""])
    expect(() => readTrustFile(utf8(changed))).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^input\/malformed$/) }),
    )
})

function hasSshKeygen(): boolean {
  try {
    execFileSync("sh", ["-c", "command -v ssh-keygen"])
    return true
  } catch {
    return false
  }
}
