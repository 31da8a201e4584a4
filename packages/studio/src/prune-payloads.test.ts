import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Observation, sha256Hex, systemAgent } from "@amc/core"
import { inlineBlobMax, openSession, sealSession } from "@amc/ledger"
import { lockLane, openLedger } from "@amc/store-sqlite"
import { sampleRequest, sampleResponse, sampleSession } from "@amc/testkit"
import { exitOf } from "@amc/verify"
import { beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { exportBundle } from "./bundle.ts"
import { type Capture, openCapture } from "./capture.ts"
import { sign, write } from "./config-examples.fixture.ts"
import { fsckLedger } from "./fsck.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { prunePayloads, type PruneSummary } from "./prune-payloads.ts"
import { ledgerDir } from "./recorder-thread.ts"
import { makeRun } from "./run.ts"
import { showEvent } from "./show-event.ts"
import { verifyBundleHere } from "./verify-bundle.ts"
import { verifyWorkspace } from "./verify-workspace.ts"
import { copyOf, newPlace, type Place, reopened } from "./workspace.fixture.ts"

const dayMs = 86_400_000
// Recorders ask the machine's clock, and go on from the time that a command lives in.
const start = Date.now()
const daysOn =
  (days: number): (() => number) =>
  () =>
    start + days * dayMs
const child = fileURLToPath(new URL("./prune-child.fixture.ts", import.meta.url))
const policy = "v: 1\ndays: {llm_request: 30, llm_response: 60}\n"
const large = "x".repeat(inlineBlobMax + 1)

/** A workspace with payloads, small and large, one of them shared by a request and its answer, and a policy. */
let used: Place

beforeAll(async () => {
  used = await newPlace(() => start)
  const capture = await openCapture(used.workspace, { clock: () => start })
  await recordOld(capture)
  await makeRun(capture, { agent: "coder", windowDays: 14 })
  await capture.close()
  write(used, "retention.yaml", policy)
  await sign(used, "retention.yaml")
  return () => rmSync(used.top, { recursive: true })
})

/** A copy in which the auditor has signed this policy. */
async function placeWith(text: string = policy): Promise<Place> {
  const place = copyOf(used)
  if (text === policy) return place
  write(place, "retention.yaml", text)
  await sign(place, "retention.yaml")
  return place
}

async function recordOld({ recorder }: Pick<Capture, "recorder">): Promise<void> {
  const name = { agent: "coder", session: "s1" }
  await openSession(recorder, name, sampleSession)
  for (const [callId, body, answer] of [
    ["c1", "small", "answer 1"],
    ["c2", "small", "answer 2"],
    ["c3", large, "answer 3"],
    ["c4", "the same", "the same"],
  ] as const) {
    const request = await recorder.record(sampleRequest({ ...name, callId, body }))
    await recorder.record(sampleResponse({ ...name, callId, body: answer }, request.event_hash))
  }
  await sealSession(recorder, name, { reason: "exited", posture: "shared", hardened: false })
}

function prune(place: Place, clock: () => number, isDryRun = false): Promise<PruneSummary> {
  return prunePayloads(reopened(place), { isDryRun, clock })
}

async function verified(place: Place, clock: () => number): Promise<[number, readonly string[]]> {
  const { state } = place.workspace
  const verdict = await verifyWorkspace(place.folder, state, { clock, progress: () => undefined })
  return [exitOf(verdict), verdict.accepted ? [] : verdict.findings.map(({ code }) => code)]
}

async function fscked(place: Place, clock: () => number): Promise<[number, readonly string[]]> {
  const terms = { rebuilds: false, clock, progress: () => undefined }
  const { verdict } = await fsckLedger(reopened(place), terms)
  return [exitOf(verdict), verdict.accepted ? [] : verdict.findings.map(({ code }) => code)]
}

async function bothSay(
  place: Place,
  clock: () => number,
  exit: number,
  codes: readonly string[],
): Promise<void> {
  expect(await verified(place, clock)).toEqual([exit, codes])
  expect(await fscked(place, clock)).toEqual([exit, codes])
}

function isStored(place: Place, text: string): Promise<boolean> {
  return withLedger(place.workspace, ({ blobs }) => blobs.has(sha256Hex(Buffer.from(text))))
}

async function deleteBlob(place: Place, text: string): Promise<void> {
  const ledger = openLedger(ledgerDir(place.workspace))
  await ledger.blobs.remove([sha256Hex(Buffer.from(text))])
  await ledger.close()
}

/** The numbers of the events of a type. */
function numbersOf(place: Place, type: string): Promise<number[]> {
  return withLedger(place.workspace, async ({ events }) => {
    const numbers: number[] = []
    for await (const { lseq } of events.readType("main", type)) numbers.push(lseq)
    return numbers
  })
}

test("deletes what the policy lets go, names it first, and everything still verifies (L28)", async () => {
  const place = await placeWith()
  const clock = daysOn(40)
  const planned = await prune(place, clock, true)
  expect(planned).toMatchObject({ events: 3, payloads: 2, finished: 0, shared: 1, findings: [] })
  expect(await isStored(place, "small")).toBe(true)
  expect(await prune(place, clock)).toEqual(planned)
  expect(await isStored(place, "small")).toBe(false)
  expect(await isStored(place, large)).toBe(false)
  expect(await isStored(place, "the same")).toBe(true)
  expect(await isStored(place, "answer 1")).toBe(true)
  await bothSay(place, clock, 0, [])
  const [, , third] = await numbersOf(place, "llm_request")
  expect(await showEvent(place.workspace, { lseq: third! } as never)).toMatchObject({
    value: {
      stored_bytes: null,
      pruned_by: expect.stringMatching(/^[0-9a-f]{64}$/u) as unknown,
    },
  })
  expect(await prune(place, clock)).toMatchObject({ events: 0, payloads: 0, shared: 1 })
})

test("lets a shared payload go when all of its events are old enough", async () => {
  const place = await placeWith()
  await prune(place, daysOn(40))
  expect(await prune(place, daysOn(70))).toMatchObject({ events: 5, payloads: 4, shared: 0 })
  expect(await isStored(place, "the same")).toBe(false)
  await bothSay(place, daysOn(70), 0, [])
  expect(await verified(place, daysOn(70))).toEqual([0, []])
})

test("leaves no byte of what it deleted in any file of the ledger", async () => {
  const place = await placeWith("v: 1\ndays: {llm_response: 1}\n")
  const holds = (): boolean =>
    readdirSync(place.workspace.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes("answer 2"))
  expect(holds()).toBe(true)
  await prune(place, daysOn(2))
  expect(holds()).toBe(false)
})

test("a run rebuilds and its bundle verifies after its payloads are gone, and the bundle says so", async () => {
  const place = await placeWith()
  const clock = daysOn(40)
  await prune(place, clock)
  const capture = await openCapture(reopened(place), { clock })
  const { stored } = await makeRun(capture, { agent: "coder", windowDays: 60 })
  await capture.close()
  const bytes = await exportBundle(reopened(place), {
    agent: "coder",
    runId: stored.runId,
    clock,
  })
  const { state, rootSha256 } = place.workspace
  const times = { nowMs: clock(), atMs: clock(), warn: () => undefined }
  const verdict = await verifyBundleHere(bytes, { state, trust: { rootSha256 }, ...times })
  expect(verdict).toMatchObject({ accepted: true, value: { pruned: 3 } })
  await bothSay(place, clock, 0, [])
})

test("a prune that was killed before it deleted raises no alarm, and the next one finishes it", async () => {
  const place = await placeWith("v: 1\ndays: {llm_request: 30}\n")
  const clock = daysOn(40)
  const words = [child, place.folder, join(place.top, "state"), `${clock()}`]
  const { signal, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" })
  expect([signal, stderr]).toEqual(["SIGKILL", ""])
  expect(await numbersOf(place, "payload_prune")).toHaveLength(1)
  expect(await isStored(place, large)).toBe(true)
  await bothSay(place, clock, 0, [])
  expect(await prune(place, clock)).toMatchObject({ events: 0, payloads: 1, finished: 1 })
  expect(await isStored(place, large)).toBe(false)
  expect(await numbersOf(place, "payload_prune")).toHaveLength(1)
  await bothSay(place, clock, 0, [])
})

describe("without a valid signed policy", () => {
  const harms: readonly { why: string; harm: (place: Place) => void; days?: number }[] = [
    { why: "there is none", harm: (place) => rmSync(join(place.workspace.dir, "retention.yaml")) },
    {
      why: "its signature is gone",
      harm: (place) => rmSync(join(place.workspace.dir, "retention.yaml.sig")),
    },
    {
      why: "it was edited",
      harm: (place) => write(place, "retention.yaml", "v: 1\ndays: {llm_request: 1}\n"),
    },
  ]
  test.each(harms)("nothing goes: $why", async ({ harm }) => {
    const place = await placeWith()
    harm(place)
    const refused = {
      code: "ledger/no-retention",
      hint: expect.stringContaining("amc config sign") as unknown,
    }
    for (const isDryRun of [true, false])
      await expect(prune(place, daysOn(40), isDryRun)).rejects.toMatchObject(refused)
    expect(await isStored(place, "small")).toBe(true)
  })

  test("nothing goes: it was never signed", async () => {
    const place = await newPlace(() => start)
    onTestFinished(() => rmSync(place.top, { recursive: true }))
    write(place, "retention.yaml", policy)
    await expect(prune(place, daysOn(40))).rejects.toMatchObject({ code: "ledger/no-retention" })
    expect(existsSync(ledgerDir(place.workspace))).toBe(false)
  })
})

test("nothing goes while the ledger is ahead of the clock, so that no prune is of a time to come (L28)", async () => {
  const place = await placeWith()
  const ahead = await openCapture(reopened(place), { clock: daysOn(45) })
  await ahead.close()
  const refused = { code: "ledger/clock-behind", hint: expect.stringContaining("clock") as unknown }
  for (const isDryRun of [true, false])
    await expect(prune(place, daysOn(40), isDryRun)).rejects.toMatchObject(refused)
  expect(await numbersOf(place, "payload_prune")).toEqual([])
  expect(await isStored(place, "small")).toBe(true)
  await bothSay(place, daysOn(40), 0, [])
  expect(await prune(place, daysOn(45))).toMatchObject({ payloads: 2 })
  await bothSay(place, daysOn(45), 0, [])
})

test("nothing goes while somebody else writes the lane, or another lane of the ledger", async () => {
  const place = await placeWith()
  const lock = await lockLane(ledgerDir(place.workspace), "main")
  await expect(prune(place, daysOn(40))).rejects.toMatchObject({ code: "ledger/lane-taken" })
  lock.release()
  expect(await isStored(place, "small")).toBe(true)
})

test("a payload that somebody deleted is missing, and no prune covers it up afterwards", async () => {
  const place = await placeWith()
  const clock = daysOn(40)
  await deleteBlob(place, "small")
  await bothSay(place, clock, 4, ["ledger/blob-missing", "ledger/blob-missing"])
  const { findings, payloads } = await prune(place, clock)
  expect(findings.map(({ code }) => code)).toEqual(["ledger/blob-missing", "ledger/blob-missing"])
  expect(payloads).toBe(1)
  await bothSay(place, clock, 4, ["ledger/blob-missing", "ledger/blob-missing"])
})

test("a changed payload is not deleted, so that it shows", async () => {
  const place = await placeWith("v: 1\ndays: {llm_request: 30}\n")
  const sha256 = sha256Hex(Buffer.from(large))
  const dir = join(ledgerDir(place.workspace), "blobs", sha256.slice(0, 2), sha256.slice(2, 4))
  writeFileSync(join(dir, sha256), "changed")
  const { findings } = await prune(place, daysOn(40))
  expect(findings).toMatchObject([{ code: "ledger/blob-contradicted", tampered: true }])
  await bothSay(place, daysOn(40), 4, ["ledger/blob-contradicted"])
})

/** What somebody with the monitor's key can record: any prune, and then deletes what he likes. */
async function forged(
  place: Place,
  { events, text, version = 1, days = 40 }: Forgery,
): Promise<void> {
  const clock = daysOn(days)
  const capture = await openCapture(reopened(place), { clock })
  const bytes = Buffer.from(text)
  const sha256 = sha256Hex(bytes)
  const measured = { policy_sha256: sha256, policy_version: version, events, payloads: 1, bytes: 1 }
  const prune: Observation = {
    type: "payload_prune",
    channel: "recorder",
    agent: systemAgent,
    session: null,
    facts: { measured, reported: {} },
    payload: { sha256, size: bytes.length, media: "application/yaml", blob: bytes },
  }
  await capture.recorder.record(prune)
  await capture.close()
}

interface Forgery {
  readonly events: number[]
  readonly text: string
  readonly version?: number
  readonly days?: number
}

describe("a prune by a stolen monitor's key does not excuse", () => {
  const cases: readonly {
    why: string
    forge: (place: Place) => Promise<Forgery>
    loses: string
    at?: number
  }[] = [
    {
      why: "a payload that is younger than the policy asks for",
      forge: async (place) => ({
        events: await numbersOf(place, "llm_request"),
        text: policy,
        days: 20,
      }),
      loses: large,
    },
    {
      why: "a type that the policy does not name",
      forge: async (place) => ({
        events: await numbersOf(place, "llm_response"),
        text: "v: 1\ndays: {llm_request: 30}\n",
        version: 2,
      }),
      loses: "answer 1",
    },
    {
      why: "what a policy of the thief's own would let go",
      forge: async (place) => ({
        events: await numbersOf(place, "llm_request"),
        text: "v: 1\ndays: {llm_request: 1}\n",
      }),
      loses: large,
    },
    {
      why: "what the right policy under another version would let go",
      forge: async (place) => ({
        events: await numbersOf(place, "llm_request"),
        text: policy,
        version: 2,
      }),
      loses: large,
    },
    {
      why: "the auditor's seal of a run",
      forge: async (place) => ({ events: await numbersOf(place, "run_sealed"), text: policy }),
      loses: "seal",
    },
    {
      why: "what will be old enough at a time that has not come yet",
      forge: async (place) => ({
        events: await numbersOf(place, "llm_request"),
        text: policy,
        days: 400,
      }),
      loses: large,
      at: 10,
    },
  ]
  test.each(cases)("$why (L28)", async ({ forge, loses, at = 41 }) => {
    const isOther = loses === "answer 1"
    const place = await placeWith(isOther ? "v: 1\ndays: {llm_request: 30}\n" : policy)
    await forged(place, await forge(place))
    const refused = ["ledger/prune-refused"]
    const codes = async (): Promise<readonly string[]> =>
      (await verified(place, daysOn(at)))[1].filter((code) => !code.startsWith("trust/"))
    expect(await codes()).toEqual(expect.arrayContaining(refused))
    if (loses === "seal") await deleteSeal(place)
    else await deleteBlob(place, loses)
    const [exit] = await verified(place, daysOn(at))
    expect([exit, await codes()]).toEqual([
      4,
      expect.arrayContaining([...refused, "ledger/blob-missing"]),
    ])
    expect((await fscked(place, daysOn(at)))[0]).toBe(4)
  })
})

async function deleteSeal(place: Place): Promise<void> {
  const ledger = openLedger(ledgerDir(place.workspace))
  for await (const { leaf } of ledger.events.readType("main", "run_sealed"))
    await ledger.blobs.remove([eventOf(leaf).payload?.blob_sha256 ?? ""])
  await ledger.close()
}

test("an older, milder policy that is put back does not count", async () => {
  const place = await placeWith()
  write(place, "retention.yaml", "v: 1\ndays: {}\n")
  await sign(place, "retention.yaml")
  expect(await prune(place, daysOn(400))).toMatchObject({ payloads: 0, policy: { version: 2 } })
  await forged(place, { events: await numbersOf(place, "llm_request"), text: policy })
  expect((await verified(place, daysOn(41)))[1]).toContain("ledger/prune-refused")
})

test("more events than one prune can name are named by several", async () => {
  const place = await placeWith("v: 1\ndays: {llm_request: 1}\n")
  const capture = await openCapture(reopened(place), { clock: () => start + 1000 })
  const name = { agent: "coder", session: "s2" }
  await openSession(capture.recorder, name, sampleSession)
  await Promise.all(
    Array.from({ length: 1030 }, (_, at) =>
      capture.recorder.record(
        sampleRequest({ ...name, callId: `n${at}`, body: `body ${at % 1020}` }),
      ),
    ),
  )
  await sealSession(capture.recorder, name, {
    reason: "exited",
    posture: "shared",
    hardened: false,
  })
  await capture.close()
  expect(await prune(place, daysOn(3))).toMatchObject({ events: 1033, payloads: 1022 })
  expect(await numbersOf(place, "payload_prune")).toHaveLength(2)
  expect(await fscked(place, daysOn(3))).toEqual([0, []])
})
