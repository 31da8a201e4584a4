import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { amc, amcJson } from "./testing/amc.ts"
import { makePlace, type Place } from "./testing/place.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

// Each test starts the program several times, which takes long on a machine that is busy otherwise.
vi.setConfig({ testTimeout: 180_000 })

const agent = ["--", "node", "-e", "0"]

let own: TestWorkspace
let bundle: string

beforeAll(async () => {
  own = await makeWorkspace()
  const scored = await amcJson(own, [
    "score",
    "--provider",
    "scripted",
    "--sessions",
    "1",
    ...agent,
  ])
  expect(scored).toMatchObject({ exit: 0 })
  bundle = scored.data.bundle
}, 240_000)

afterAll(() => own?.close())

/** Another machine: it has the bundle, and nothing else. */
function elsewhere(): Place {
  const place = makePlace()
  cpSync(bundle, join(place.cwd, "a.amcbundle"))
  return place
}

const verify = ["bundle", "verify", "a.amcbundle"]

interface Listed {
  readonly kid: string
  readonly role: string
  readonly state: string
}

async function keysOf(place: Place, role: string): Promise<readonly Listed[]> {
  const { keys } = (await amcJson(place, ["keys", "list"])).data as { keys: readonly Listed[] }
  return keys.filter((key) => key.role === role)
}

test("without a root nothing is trusted, and a plain sentence says how to get the fingerprint (S14)", async () => {
  const place = elsewhere()
  expect(await amcJson(place, verify)).toMatchObject({
    exit: 2,
    findings: [
      {
        code: "usage/invalid",
        next: expect.stringMatching(/ask the owner for the root fingerprint/),
      },
    ],
  })
  const wrong = `sha256:${"ab".repeat(32)}`
  const refused = await amc(place, [...verify, "--root", wrong])
  expect(refused.exit).toBe(1)
  expect(refused.stderr).toMatch(/by another way than/)
  place.remove()
})

test("a root that was accepted once is remembered, and one of a trust file too", async () => {
  const place = elsewhere()
  expect(await amcJson(place, [...verify, "--root", own.root])).toMatchObject({ exit: 0 })
  expect(await amcJson(place, verify)).toMatchObject({ exit: 0 })
  place.remove()
  const other = elsewhere()
  const file = join(other.cwd, "acme.trust.json")
  expect(await amcJson(own, ["keys", "export", "--out", file])).toMatchObject({ exit: 0 })
  expect(await amcJson(other, [...verify, "--root", file])).toMatchObject({ exit: 0 })
  writeFileSync(file, readFileSync(file, "utf8").replace(own.root.slice(7), "ab".repeat(32)))
  expect(await amcJson(other, [...verify, "--root", file])).toMatchObject({ exit: 3 })
  other.remove()
})

test("what expires is judged at the time that was asked for", async () => {
  const place = elsewhere()
  const root = ["--root", own.root]
  expect(await amcJson(place, [...verify, ...root, "--at", "2199-01-01"])).toMatchObject({
    exit: 1,
    findings: [
      { code: "trust/root-expired" },
      { code: "trust/revocations-expired", next: expect.stringMatching(/amc keys revoke --renew/) },
    ],
  })
  for (const at of ["soon", "2199-13-01", "2199-01-01T00:00", "-1"])
    expect(await amcJson(place, [...verify, ...root, `--at=${at}`])).toMatchObject({ exit: 2 })
  place.remove()
})

test("a rotated key's old runs still verify, and new ones do", async () => {
  expect(await amcJson(own, ["keys", "rotate", "--role", "monitor"])).toMatchObject({ exit: 0 })
  expect(await amcJson(own, ["vault", "rotate-keys"])).toMatchObject({ exit: 0 })
  expect((await keysOf(own, "monitor")).map(({ state }) => state)).toEqual([
    "in use",
    "superseded",
    "superseded",
  ])
  expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
  expect(await amcJson(own, [...verify.slice(0, 2), bundle])).toMatchObject({ exit: 0 })
  expect(await amcJson(own, ["run", "--agent", "my-agent"])).toMatchObject({ exit: 0 })
  expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
  expect(await amcJson(own, ["doctor"])).toMatchObject({ data: { failed: 0 } })
})

test("a revoked key takes down what nothing vouches for, at home and elsewhere", async () => {
  const [key] = await keysOf(own, "monitor")
  const revoke = ["keys", "revoke", key!.kid.slice(0, 12)]
  expect(await amcJson(own, revoke)).toMatchObject({ exit: 2 })
  expect(await amcJson(own, [...revoke, "--from", "2199-01-01"])).toMatchObject({ exit: 2 })
  expect(await amcJson(own, ["keys", "revoke", "00000000", "--from", "2026-01-01"])).toMatchObject({
    exit: 3,
    findings: [{ code: "key/unknown" }],
  })
  const scored = await amcJson(own, [
    "score",
    "--provider",
    "scripted",
    "--sessions",
    "1",
    ...agent,
  ])
  const place = makePlace()
  cpSync(scored.data.bundle, join(place.cwd, "a.amcbundle"))
  expect(await amcJson(own, [...revoke, "--from", "2026-01-01"])).toMatchObject({ exit: 0 })
  expect(await amcJson(own, ["verify"])).toMatchObject({
    exit: 1,
    findings: expect.arrayContaining([
      expect.objectContaining({ code: "trust/key-compromised", next: expect.any(String) }),
    ]),
  })
  const file = join(place.cwd, "acme.trust.json")
  expect(await amcJson(own, ["keys", "export", "--out", file])).toMatchObject({ exit: 0 })
  expect(await amcJson(place, [...verify, "--root", file])).toMatchObject({
    exit: 1,
    findings: expect.arrayContaining([expect.objectContaining({ code: "trust/key-compromised" })]),
  })
  place.remove()
})

test("owners with keys of their own: two of three must sign, and the vault alone can do nothing", async () => {
  const place = makePlace()
  const offline = join(place.top, "offline")
  const init = ["init", "--root-keys", "3", "--threshold", "2", "--root-key-dir", offline]
  expect(await amcJson(place, ["init", "--threshold", "2"])).toMatchObject({ exit: 2 })
  const made = await amcJson(place, init)
  expect(made).toMatchObject({ exit: 0, data: { root_keys: expect.any(Array) } })
  const [a, b, c] = made.data.root_keys as [string, string, string]
  const rotate = ["keys", "rotate", "--role", "monitor"]
  const threshold = { exit: 3, findings: [{ code: "root/threshold" }] }
  expect(await amcJson(place, rotate)).toMatchObject(threshold)
  expect(await amcJson(place, [...rotate, "--root-key", a, "--root-key", a])).toMatchObject(
    threshold,
  )
  expect(await amcJson(place, [...rotate, "--root-key", a, "--root-key", c])).toMatchObject({
    exit: 0,
  })
  const next = join(place.top, "next")
  const change = ["keys", "rotate", "--role", "root", "--root-key", a, "--root-key", b]
  const terms = [
    "--keep-root-key",
    c,
    "--root-keys",
    "1",
    "--root-key-dir",
    next,
    "--threshold",
    "2",
  ]
  const changed = await amcJson(place, [...change, ...terms])
  expect(changed).toMatchObject({ exit: 0, data: { root: { version: 2, threshold: 2 } } })
  expect(await amcJson(place, [...rotate, "--root-key", a, "--root-key", b])).toMatchObject(
    threshold,
  )
  const fresh = changed.data.files[0] as string
  expect(await amcJson(place, [...rotate, "--root-key", c, "--root-key", fresh])).toMatchObject({
    exit: 0,
  })
  // A passphrase that lies elsewhere, where nobody can be asked.
  renameSync(`${fresh}.passphrase`, join(place.top, "away"))
  expect(await amcJson(place, [...rotate, "--root-key", c, "--root-key", fresh])).toMatchObject({
    exit: 3,
    findings: [{ code: "vault/locked" }],
  })
  expect(await amcJson(place, ["verify"])).toMatchObject({ exit: 0 })
  place.remove()
})

test("init leaves nothing behind that is in the way, and overwrites no owner's key", async () => {
  const place = makePlace()
  const offline = join(place.top, "offline")
  mkdirSync(offline)
  const key = join(offline, "root-1-2.amckey")
  writeFileSync(key, "somebody's")
  const init = ["init", "--root-keys", "2", "--root-key-dir", offline]
  expect(await amcJson(place, init)).toMatchObject({
    exit: 3,
    findings: [{ code: "vault/exists" }],
  })
  expect(readFileSync(key, "utf8")).toBe("somebody's")
  rmSync(key)
  expect(await amcJson(place, init)).toMatchObject({ exit: 0 })
  place.remove()
})
