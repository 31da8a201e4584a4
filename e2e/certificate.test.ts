import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join, parse } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amcJson } from "./testing/amc.ts"
import { policyText, scoredRun, signedPolicy } from "./testing/gated.ts"
import { makePlace, type Place } from "./testing/place.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

let own: TestWorkspace
let attacker: TestWorkspace
/** A verifier who knows nobody. */
let machine: Place
let runId: string
let bundle: string
let certificate: string

beforeAll(async () => {
  ;[own, attacker] = await Promise.all([makeWorkspace(), makeWorkspace()])
  machine = makePlace()
  ;({ runId, bundle } = await scoredRun(own))
  await policyOf(own, "release.yaml", "minIntegrityIndex: 50\n")
  certificate = join(own.top, "a.amccert")
}, 240_000)

afterAll(async () => {
  await Promise.all([own?.close(), attacker?.close()])
  machine?.remove()
})

/** A policy of one's own for the bundle of `own`. */
async function policyOf(by: Place, name: string, rules: string): Promise<void> {
  await signedPolicy(by, name, policyText(own.root, rules, parse(name).name))
}

function verify(file: string, ...more: readonly string[]) {
  return amcJson(machine, ["cert", "verify", file, ...more])
}

test("B4: a run that passes the policy gets a certificate that verifies anywhere, and says what it rests on", async () => {
  const words = ["certify", "--agent", "a", "--run", runId, "--policy", "release.yaml"]
  const issued = await amcJson(own, [...words, "--days", "30", "--out", certificate])
  expect(issued.exit, issued.stdout).toBe(0)
  const badge = join(machine.top, "badge.svg")
  const { exit, data } = await verify(certificate, "--root", own.root, "--badge", badge)
  expect(exit).toBe(0)
  expect(data).toMatchObject({
    certificate: issued.data.certificate,
    run: { agent: "a", run_id: runId, root_sha256: own.root.slice(7) },
    standing: { trust_label: "LOW TRUST", completeness_per_mille: 1000, posture: "measured" },
    policy: { name: "release.yaml", version: 1 },
  })
  expect(data.standing.upstreams).toMatchObject([{ provider: "scripted", loopback: true }])
  expect(readFileSync(badge, "utf8")).toMatch(
    /<title id="amc-badge">a: AMC level .*LOW TRUST, \d{4}-/,
  )
  expect(await verify(certificate), "a remembered root issues nothing").toMatchObject({ exit: 2 })
})

test("B4: the certificate is about one bundle, which anybody can hold against it", async () => {
  const other = join(machine.top, "other.amcbundle")
  writeFileSync(other, Buffer.concat([readFileSync(bundle), Buffer.alloc(1)]))
  const exported = join(own.top, "exported.amcbundle")
  const words = ["bundle", "export", "--agent", "a", "--run", runId, "--out", exported]
  expect(await amcJson(own, words)).toMatchObject({ exit: 0 })
  expect(await verify(certificate, "--root", own.root, "--bundle", exported)).toMatchObject({
    exit: 0,
  })
  expect(await verify(certificate, "--root", own.root, "--bundle", other)).toMatchObject({
    exit: 4,
    findings: [{ code: "cert/another-bundle" }],
  })
})

test("B4: what does not pass is not certified, and leaves no file", async () => {
  await policyOf(own, "strict.yaml", "minOverall: 5\n")
  const out = join(own.top, "none.amccert")
  const words = ["certify", "--agent", "a", "--run", runId, "--policy", "strict.yaml", "--out", out]
  expect(await amcJson(own, words)).toMatchObject({ exit: 1, findings: [{ code: "gate/overall" }] })
  expect(existsSync(out)).toBe(false)
  const both = ["certify", "--agent", "a", "--bundle", bundle, "--policy", "release.yaml"]
  expect(await amcJson(own, [...both, "--out", out])).toMatchObject({ exit: 2 })
})

test("B4: a certificate of another's bundle names its producer, and counts by the issuer's root alone", async () => {
  await policyOf(attacker, "lax.yaml", "")
  const out = join(attacker.top, "b.amccert")
  const words = ["certify", "--bundle", bundle, "--policy", "lax.yaml", "--out", out]
  expect(await amcJson(attacker, words)).toMatchObject({ exit: 0 })
  expect(await verify(out, "--root", attacker.root)).toMatchObject({
    exit: 0,
    data: { run: { root_sha256: own.root.slice(7) }, root_sha256: attacker.root.slice(7) },
  })
  expect(await verify(out, "--root", own.root)).toMatchObject({ exit: 1, ok: false, data: null })
  expect(await amcJson(own, ["cert", "revoke", out])).toMatchObject({ exit: 2 })
})

test("cert inspect shows what a file says, and that it checked nothing", async () => {
  const { exit, data } = await amcJson(machine, ["cert", "inspect", certificate])
  expect(exit).toBe(0)
  expect(data).toMatchObject({ verified: false, run: { run_id: runId } })
  expect(await amcJson(machine, ["cert", "inspect", bundle])).toMatchObject({ exit: 3 })
})

test("B4: it is valid from its issue to its end", async () => {
  expect(await verify(certificate, "--root", own.root, "--at", "2020-01-01")).toMatchObject({
    exit: 1,
    findings: [{ code: "cert/not-yet" }],
  })
  const later = new Date(Date.now() + 31 * 86_400_000).toISOString().slice(0, 10)
  expect(await verify(certificate, "--root", own.root, "--at", later)).toMatchObject({
    exit: 1,
    findings: [{ code: "cert/expired" }],
  })
})

test("B4: taken back, it is refused by whoever has heard of it, at any time", async () => {
  expect(await amcJson(own, ["cert", "revoke", certificate])).toMatchObject({ exit: 0 })
  expect(await verify(certificate, "--root", own.root), "nobody told").toMatchObject({ exit: 0 })
  const trust = join(machine.top, "own.trust.json")
  const exported = ["keys", "export", "--format", "trust", "--out", trust]
  expect(await amcJson(own, exported)).toMatchObject({ exit: 0 })
  const badge = join(machine.top, "revoked.svg")
  const revoked = { exit: 1, findings: [{ code: "cert/revoked" }] }
  expect(await verify(certificate, "--root", trust, "--badge", badge)).toMatchObject(revoked)
  expect(readFileSync(badge, "utf8")).toContain("not valid")
  expect(await verify(certificate, "--root", own.root), "it is remembered").toMatchObject(revoked)
  expect(await amcJson(own, ["keys", "rotate", "--role", "root"])).toMatchObject({ exit: 0 })
  const newer = join(machine.top, "newer.trust.json")
  expect(await amcJson(own, ["keys", "export", "--format", "trust", "--out", newer])).toMatchObject(
    { exit: 0 },
  )
  expect((await verify(certificate, "--root", newer)).findings.map(({ code }) => code)).toContain(
    "cert/keys",
  )
})
