import { rmSync } from "node:fs"
import { join } from "node:path"
import { utf8 } from "@amc/core"
import { lowestKdfCost } from "@amc/vault"
import { afterAll, beforeAll, expect, test } from "vitest"
import { exportBundle } from "./bundle.ts"
import { openCapture } from "./capture.ts"
import { exportKeys } from "./key-export.ts"
import { keysInUse } from "./key-list.ts"
import { revokeKeyOf, rotateKeys } from "./key-rotation.ts"
import { rootSigners } from "./root-signers.ts"
import { rotateRoot } from "./root-rotation.ts"
import { makeRun } from "./run.ts"
import { runSession } from "./session.ts"
import { sessionTerms } from "./session-terms.fixture.ts"
import { StateHome } from "./state-home.ts"
import { readTrustFile, type TrustFile } from "@amc/verify"
import { changeVaultPassphrase } from "./vault-passwd.ts"
import { verifyBundleHere } from "./verify-bundle.ts"
import { verifyWorkspace } from "./verify-workspace.ts"
import { newPlace, now as start, type Place } from "./workspace.fixture.ts"
import { openWorkspace, type Workspace } from "./workspace.ts"

/*
 * A year in the life of a workspace: what was signed at any time is accepted or refused for the right
 * reason at every later one. Each test is a step and goes on from the one before it.
 */
const day = 86_400_000
const dayOf = (n: number): number => start + n * day
let today = 0
const clock = (): number => dayOf(today)

interface Made {
  readonly runId: string
  readonly bundle: Uint8Array
}

let place: Place
const made = new Map<string, Made>()

beforeAll(async () => {
  place = await newPlace(clock)
}, 60_000)
afterAll(() => rmSync(place.top, { recursive: true, force: true }))

const opened = (): Workspace => openWorkspace(place.folder, place.workspace.state, clock())
const owners = (): ReturnType<typeof rootSigners> => rootSigners(opened(), { files: [], ask: null })
const inUse = (role: "monitor" | "auditor"): string =>
  keysInUse(opened().keyring, role, clock())[0]!.kid

/** A session, a run over it and its bundle, on a day. */
async function make(name: string, on: number): Promise<void> {
  today = on
  const capture = await openCapture(opened(), { clock })
  try {
    await runSession(capture, sessionTerms({ cwd: place.folder, driver: "none" }))
    const { stored } = await makeRun(capture, { agent: "a1", windowDays: 14 })
    made.set(name, { runId: stored.runId, bundle: new Uint8Array() })
  } finally {
    await capture.close()
  }
  await exportAgain(name, name)
}

/** The bundle of a run that was made before, with the trust of today. */
async function exportAgain(name: string, as: string): Promise<void> {
  const { runId } = made.get(name) as Made
  made.set(as, { runId, bundle: await exportBundle(opened(), { agent: "a1", runId, clock }) })
}

/** Somebody who verifies: with a memory of their own, and with or without the owner's newest trust file. */
class Reader {
  readonly #state: StateHome

  constructor(name: string) {
    this.#state = new StateHome({ XDG_STATE_HOME: join(place.top, name) })
  }

  async judge(
    name: string,
    { trust, at }: { trust?: TrustFile; at?: number } = {},
  ): Promise<readonly string[] | "accepted"> {
    const verdict = await verifyBundleHere((made.get(name) as Made).bundle, {
      state: this.#state,
      trust: trust ?? { rootSha256: place.workspace.rootSha256 },
      nowMs: clock(),
      atMs: at === undefined ? clock() : dayOf(at),
      warn: (text) => expect(text).toBe(""),
    })
    return verdict.accepted ? "accepted" : [...new Set(verdict.findings.map(({ code }) => code))]
  }
}

let readers = 0
/** One who sees everything for the first time. */
const newcomer = (): Reader => new Reader(`newcomer-${readers++}`)
let regular: Reader
const trustFile = (): TrustFile =>
  readTrustFile(utf8(exportKeys(opened(), "trust", clock()))) as TrustFile

/** What the owner's own verification finds. */
async function own(): Promise<readonly string[]> {
  const verdict = await verifyWorkspace(place.folder, place.workspace.state, {
    clock,
    progress: () => undefined,
  })
  return verdict.accepted ? [] : [...new Set(verdict.findings.map(({ code }) => code))]
}

const patient = { timeout: 120_000 }

test("day 0: a first run is accepted by whoever has the fingerprint", patient, async () => {
  regular = new Reader("regular")
  await make("first", 0)
  expect(await own()).toEqual([])
  expect(await newcomer().judge("first")).toBe("accepted")
  expect(await regular.judge("first")).toBe("accepted")
})

test("day 60: the monitor's key is rotated; old and new runs count", patient, async () => {
  today = 60
  await rotateKeys(opened(), { roles: ["monitor"], owners: await owners(), clock })
  await make("second", 60)
  expect(await own()).toEqual([])
  for (const name of ["first", "second"]) {
    expect(await newcomer().judge(name)).toBe("accepted")
    expect(await regular.judge(name)).toBe("accepted")
  }
})

test("day 120: the auditor's key is rotated; seals of the old one count", patient, async () => {
  today = 120
  await rotateKeys(opened(), { roles: ["auditor", "release"], owners: await owners(), clock })
  await make("third", 120)
  expect(await own()).toEqual([])
  for (const name of ["first", "second", "third"])
    expect(await regular.judge(name)).toBe("accepted")
  expect(await newcomer().judge("first", { trust: trustFile() })).toBe("accepted")
})

test("day 150: another passphrase opens the same keys", patient, async () => {
  today = 150
  const before = inUse("auditor")
  const terms = { slot: "auditor", next: utf8("another"), keep: true, cost: lowestKdfCost } as const
  await changeVaultPassphrase(opened(), terms)
  expect(inUse("auditor")).toBe(before)
  await make("fourth", 150)
  expect(await own()).toEqual([])
  expect(await regular.judge("fourth")).toBe("accepted")
})

test(
  "day 180: the ledger's key is rotated; checkpoints of the old one count",
  patient,
  async () => {
    today = 180
    await rotateKeys(opened(), { roles: ["ledger"], owners: await owners(), clock })
    await make("fifth", 200)
    expect(await own()).toEqual([])
    for (const name of ["first", "fourth", "fifth"])
      expect(await regular.judge(name)).toBe("accepted")
  },
)

test("day 240: the monitor's key was stolen on day 210", patient, async () => {
  await make("sixth", 220)
  expect(await regular.judge("sixth")).toBe("accepted")
  today = 240
  const terms = { kid: inUse("monitor"), compromisedFromMs: dayOf(210), owners: await owners() }
  await revokeKeyOf(opened(), { ...terms, clock })
  const trust = trustFile()
  // By a key that ended in good order.
  expect(await newcomer().judge("first", { trust })).toBe("accepted")
  // By the stolen key, and only who saw it before day 210 knows that it is older.
  expect(await newcomer().judge("fifth", { trust })).toEqual(["trust/key-compromised"])
  expect(await regular.judge("fifth", { trust })).toBe("accepted")
  expect(await regular.judge("sixth")).toEqual(["trust/key-compromised"])
  // Who knows nothing of the revocation can't know better, until the list in the bundle expires.
  expect(await newcomer().judge("sixth")).toBe("accepted")
  expect(await own()).toEqual(["trust/key-compromised"])
})

test("day 250: work goes on with a new key, and a run counts what it signs", patient, async () => {
  today = 250
  const capture = await openCapture(opened(), { clock })
  const { report, stored } = await makeRun(capture, { agent: "a1", windowDays: 60 })
  await capture.close()
  // The sessions of days 200 and 220: both are by the stolen key.
  expect(report.sessions).toMatchObject({ opened: 2, counted: 0 })
  made.set("seventh", { runId: stored.runId, bundle: new Uint8Array() })
  await exportAgain("seventh", "seventh")
  // It tells of the theft itself, so that nothing rests on what the stolen key signed.
  expect(await newcomer().judge("seventh", { trust: trustFile() })).toBe("accepted")
  expect(await regular.judge("seventh")).toBe("accepted")
})

test(
  "day 300: the owners change; what the new ones did not sign is refused by who knows them",
  patient,
  async () => {
    today = 300
    const terms = { kept: [], newKeyFiles: [], threshold: 1, clock }
    await rotateRoot(opened(), { ...terms, owners: await owners() })
    await exportAgain("first", "first again")
    const trust = trustFile()
    expect(await newcomer().judge("first", { trust })).toEqual(["trust/root-superseded"])
    expect(await newcomer().judge("first again", { trust })).toBe("accepted")
    expect(await newcomer().judge("first again")).toBe("accepted")
    expect(await newcomer().judge("first")).toBe("accepted")
    expect(await regular.judge("first again")).toBe("accepted")
    expect(await regular.judge("first")).toEqual(["trust/root-superseded"])
    expect(await own()).toEqual(["trust/key-compromised"])
  },
)

test(
  "day 400: a list from day 0 has expired, unless one asks about an earlier day",
  patient,
  async () => {
    today = 400
    expect(await newcomer().judge("first")).toEqual(["trust/revocations-expired"])
    expect(await newcomer().judge("first", { at: 300 })).toBe("accepted")
    expect(await newcomer().judge("first again")).toBe("accepted")
  },
)

test(
  "day 740: the root of day 0 has expired, and the one of day 300 has not",
  patient,
  async () => {
    today = 740
    expect(await newcomer().judge("first")).toEqual([
      "trust/root-expired",
      "trust/revocations-expired",
    ])
    expect(await newcomer().judge("first again")).toEqual(["trust/revocations-expired"])
  },
)
