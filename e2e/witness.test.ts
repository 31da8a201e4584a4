import { once } from "node:events"
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { amc, amcJson, type Envelope, type Running, startAmc } from "./testing/amc.ts"
import { makePlace, type Place } from "./testing/place.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

/*
 * A ledger with two witnesses of which both must cosign, and those who attack it with all that lies on the
 * ledger's own machine: its database, its keys and its state folder, but not the witnesses' folders.
 */

// Each test starts the program several times, which takes long on a machine that is busy otherwise.
vi.setConfig({ testTimeout: 240_000 })

interface TestWitness {
  readonly place: Place
  readonly vkey: string
  readonly url: string
  readonly running: Running
}

let own: TestWorkspace
let witnesses: readonly TestWitness[]
let policy: string
let bundle: string
let reader: Place

beforeAll(async () => {
  own = await makeWorkspace()
  const log = (await amc(own, ["keys", "export", "--format", "vkey"])).stdout.trim()
  witnesses = await Promise.all(["w1", "w2"].map((name) => startWitness(name, log)))
  const named = witnesses.map(({ url, vkey }) => `  - {url: "${url}", vkey: "${vkey}"}\n`)
  writeFileSync(join(own.dir, "witnesses.yaml"), `v: 1\nquorum: 2\nwitnesses:\n${named.join("")}`)
  expect(await amcJson(own, ["config", "sign", "witnesses.yaml"])).toMatchObject({ exit: 0 })
  reader = makePlace()
  const lines = witnesses.map(({ vkey }, at) => `witness w${at + 1} ${vkey}\n`)
  const quorum = "group both all w1 w2\nquorum both\n"
  policy = reader.write("policy.txt", lines.join("") + quorum)
  bundle = await score("first")
}, 240_000)

afterAll(async () => {
  for (const { running, place } of witnesses ?? []) {
    running.child.kill("SIGTERM")
    await running.ended
    place.remove()
  }
  reader?.remove()
  await own?.close()
})

async function startWitness(name: string, log: string): Promise<TestWitness> {
  const place = makePlace()
  const { data } = await amcJson(place, ["witness", "init", "--name", `witness.example/${name}`])
  const words = ["witness", "serve", "--listen", "127.0.0.1:0", "--log", log, "--json"]
  const running = startAmc(place, words)
  let said = ""
  while (!said.endsWith("\n")) said += String((await once(running.child.stdout, "data"))[0])
  const { url, vkey } = JSON.parse(said) as { url: string; vkey: string }
  expect(vkey).toBe(data.vkey)
  return { place, vkey, url, running }
}

/** A session, a run over it, and its bundle. */
async function score(name: string, place: Place = own): Promise<string> {
  const out = join(place.top, `${name}.amcbundle`)
  const words = ["score", "--provider", "scripted", "--sessions", "1", "--out", out]
  const scored = await amcJson(place, [...words, "--", "node", "-e", "0"])
  expect(scored).toMatchObject({ exit: 0 })
  warned.set(name, scored.stderr)
  return out
}

const warned = new Map<string, string>()

/** A verifier who knows the root and has a policy of their own, and has seen nothing before. */
async function judge(file: string, ...more: readonly string[]): Promise<Envelope> {
  const place = makePlace()
  const words = ["bundle", "verify", file, "--root", own.root, ...more]
  const envelope = await amcJson(place, words)
  place.remove()
  return envelope
}

const ours = (): string[] => ["--witness-policy", policy]

/** Everything on the ledger's own machine, as it is now. */
function backup(): () => void {
  const copy = join(own.top, `backup-${readdirSync(own.top).length}`)
  mkdirSync(copy)
  const parts = ["ws", "state"] as const
  for (const part of parts) cpSync(join(own.top, part), join(copy, part), { recursive: true })
  return () => {
    for (const part of parts) {
      rmSync(join(own.top, part), { recursive: true })
      cpSync(join(copy, part), join(own.top, part), { recursive: true })
    }
  }
}

test("a verifier's own witnesses say since when the evidence was there", async () => {
  expect(await judge(bundle, ...ours())).toMatchObject({
    exit: 0,
    data: {
      trust_label: expect.not.stringMatching("HIGH"),
      witnessing: {
        quorum: "met",
        witnesses: [{ name: "w1" }, { name: "w2" }],
        since_ms: expect.any(Number),
      },
    },
  })
  const shown = await amc(reader, ["bundle", "verify", bundle, "--root", own.root, ...ours()])
  expect(shown.stdout).toMatch(/^witnesses {3}2 of your policy: w1, w2$/m)
  expect(shown.stdout).toMatch(/^quorum {6}met, since 2\d{3}-.*Z$/m)
  const without = await amc(reader, ["bundle", "verify", bundle, "--root", own.root])
  expect(without.stdout).toMatch(/^time {8}self-asserted/m)
  expect(await amcJson(own, ["verify", ...ours()])).toMatchObject({
    exit: 0,
    data: { witnessing: { quorum: "met" } },
  })
})

test("who trusts other witnesses does not accept it, and a policy that can't be read is a fault", async () => {
  const place = makePlace()
  const { data } = await amcJson(place, ["witness", "init", "--name", "other.example/w"])
  const other = place.write("other.txt", `witness o ${data.vkey}\nquorum o\n`)
  expect(await judge(bundle, "--witness-policy", other)).toMatchObject({
    exit: 1,
    findings: [{ code: "witness/quorum" }],
  })
  const broken = place.write("broken.txt", "quorum nobody\n")
  expect(await judge(bundle, "--witness-policy", broken)).toMatchObject({
    exit: 3,
    findings: [{ code: "input/malformed", detail: expect.stringMatching(/^line 1 /) }],
  })
  expect(await judge(bundle, "--max-age", "soon")).toMatchObject({ exit: 2 })
  place.remove()
})

test("a frozen ledger is refused by whoever asks how old it may be (L17)", async () => {
  expect(await judge(bundle, ...ours(), "--max-age", "1d")).toMatchObject({ exit: 0 })
  await vi.waitFor(
    async () =>
      expect(await judge(bundle, ...ours(), "--max-age", "1s")).toMatchObject({
        exit: 1,
        findings: [{ code: "checkpoint/stale", next: expect.any(String) }],
      }),
    { timeout: 60_000 },
  )
})

test("a restored machine, database and memory alike, gets no cosignature any more (L10)", async () => {
  const restore = backup()
  await score("second")
  expect(await judge(join(own.top, "second.amcbundle"), ...ours())).toMatchObject({ exit: 0 })
  const newest = backup()
  restore()
  // By itself the old state is in order: only others remember that there was more.
  expect(await amcJson(own, ["verify", ...ours()])).toMatchObject({ exit: 0 })
  const run = await amc(own, ["run", "--agent", "my-agent"])
  expect(run.exit).toBe(0)
  expect(run.stderr).toMatch(/witness witness\.example\/w1 says that it cosigned \d+ events/)
  expect(run.stderr).toMatch(/0 of 2 witnesses cosigned/)
  newest()
})

test("a fork by the very keys gets no quorum, and a reader who saw both has the proof (L11, L12)", async () => {
  const restore = backup()
  const honest = await score("honest")
  const seen = ["bundle", "verify", honest, "--root", own.root]
  expect(await amcJson(reader, seen)).toMatchObject({ exit: 0 })
  const newest = backup()
  restore()
  const forked = await score("forked")
  expect(warned.get("forked")).toMatch(/0 of 2 witnesses cosigned/)
  expect(await judge(forked, ...ours())).toMatchObject({
    exit: 1,
    findings: [{ code: "witness/quorum" }],
  })
  // Both were made in the same steps, so that they have the same size; and so may checkpoints on the way.
  const proof = await amcJson(reader, ["bundle", "verify", forked, "--root", own.root])
  const fork = { code: "ledger/forked", next: expect.stringMatching(/keep both/) }
  expect(proof).toMatchObject({ exit: 4, findings: proof.findings.map(() => fork) })
  newest()
  for (const { place, vkey } of witnesses) {
    const memory = new DatabaseSync(join(place.cwd, "witness", "witness.sqlite"), {
      readOnly: true,
    })
    const latest = memory.prepare("SELECT origin, size FROM latest").all()
    expect(latest).toHaveLength(1)
    expect(vkey).toMatch(/^witness\.example/)
    memory.close()
  }
})

test("what a stolen monitor key signed counts only under a checkpoint that was cosigned before (L09)", async () => {
  const witnessed = await score("witnessed")
  await vi.waitFor(
    async () => expect((await judge(witnessed, ...ours(), "--max-age", "3s")).exit).toBe(1),
    { timeout: 60_000 },
  )
  const { keys } = (await amcJson(own, ["keys", "list"])).data as {
    keys: { kid: string; role: string; state: string }[]
  }
  const { kid } = keys.find(({ role, state }) => role === "monitor" && state === "in use")!
  // oxlint-disable-next-line no-restricted-globals
  const from = new Date().toISOString()
  const rest = ["--from", from]
  expect(await amcJson(own, ["keys", "revoke", kid, ...rest])).toMatchObject({ exit: 0 })
  const trust = join(own.top, "acme.trust.json")
  expect(await amcJson(own, ["keys", "export", "--out", trust])).toMatchObject({ exit: 0 })
  const stranger = async (...words: readonly string[]): Promise<Envelope> => {
    const place = makePlace()
    const envelope = await amcJson(place, [
      "bundle",
      "verify",
      witnessed,
      "--root",
      trust,
      ...words,
    ])
    place.remove()
    return envelope
  }
  expect(await stranger(...ours())).toMatchObject({ exit: 0 })
  const fallen = await stranger()
  expect(fallen.exit).toBe(1)
  expect(new Set(fallen.findings.map(({ code }) => code))).toEqual(
    new Set(["trust/key-compromised"]),
  )
})

test("a witness that was killed goes on from what it promised", async () => {
  const [first] = witnesses as [TestWitness, TestWitness]
  first.running.child.kill("SIGKILL")
  await first.running.ended
  const log = (await amc(own, ["keys", "export", "--format", "vkey"])).stdout.trim()
  const port = new URL(first.url).port
  const words = ["witness", "serve", "--listen", `127.0.0.1:${port}`, "--log", log]
  const again = startAmc(first.place, words)
  expect(String((await once(again.child.stdout, "data"))[0])).toMatch(/ cosigns as .* \(Ctrl-C/)
  witnesses = [{ ...first, running: again }, witnesses[1]!]
  const run = await amc(own, ["run", "--agent", "my-agent"])
  expect(run.exit).toBe(0)
  expect(run.stderr).not.toMatch(/warning/)
  // Nobody else is answered there, and nothing else.
  for (const path of ["/", "/add-checkpoint", "/checkpoint"])
    expect((await fetch(first.url + path)).status).toBe(path === "/add-checkpoint" ? 405 : 404)
})

test("what is wrong on the command line is said", async () => {
  const place = makePlace()
  expect(await amcJson(place, ["witness", "init"])).toMatchObject({ exit: 2 })
  expect(await amcJson(place, ["witness", "init", "--name", "a b"])).toMatchObject({ exit: 2 })
  expect(await amcJson(place, ["witness", "serve", "--log", "x"])).toMatchObject({ exit: 2 })
  const log = (await amc(own, ["keys", "export", "--format", "vkey"])).stdout.trim()
  expect(await amcJson(place, ["witness", "serve", "--log", log])).toMatchObject({
    exit: 3,
    findings: [{ code: "workspace/missing" }],
  })
  for (const listen of ["nowhere", "127.0.0.1:70000", ":80"])
    expect(
      await amcJson(place, ["witness", "serve", "--log", log, "--listen", listen]),
    ).toMatchObject({ exit: 2 })
  place.remove()
})
