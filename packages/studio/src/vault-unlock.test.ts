import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Event } from "@amc/core"
import {
  changeSlot,
  findUnlocked,
  openSlot,
  unrecordedFailures,
  vaultPathOf,
  vaultState,
} from "@amc/vault"
import { beforeAll, expect, onTestFinished, test } from "vitest"
import { type Capture, openCapture } from "./capture.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { withNotary } from "./notary-session.ts"
import { givenTo, realClock, slots, spoil, takeAway } from "./passphrase-place.fixture.ts"
import { withPassphrase } from "./passphrase-source.ts"
import { makeRun } from "./run.ts"
import { agentLimits } from "./score-agent.ts"
import { sessionTerms } from "./session-terms.fixture.ts"
import { runSession } from "./session.ts"
import { lockVault, unlockVault } from "./vault-unlock.ts"
import { vaultStatus } from "./vault-status.ts"
import { copyOf, newPlace, now, type Place } from "./workspace.fixture.ts"
import type { Workspace } from "./workspace.ts"

const clock = (): number => now
const forMs = 3_600_000

let base: Place

beforeAll(async () => {
  base = await newPlace()
  await captured(base.workspace, (capture) => agentLimits(capture, "a1"))
  return () => rmSync(base.top, { recursive: true })
})

async function captured<T>(
  workspace: Workspace,
  use: (capture: Capture) => Promise<T>,
): Promise<T> {
  const capture = await openCapture(workspace, { clock })
  try {
    return await use(capture)
  } finally {
    await capture.close()
  }
}

function eventsOf(workspace: Workspace): Promise<Event[]> {
  return withLedger(workspace, async ({ events }) => {
    const found: Event[] = []
    for await (const { leaf } of events.read(workspace.lane, 0)) found.push(eventOf(leaf))
    return found
  })
}

async function auditsOf(workspace: Workspace): Promise<{ subject: string; detail: string }[]> {
  const events = await eventsOf(workspace)
  return events.flatMap(({ type, facts }) => {
    const { code, subject, detail } = facts.measured as Record<string, string>
    return type === "audit" && code === "VAULT_UNLOCK_FAILED" ? [{ subject, detail } as never] : []
  })
}

async function unlocked(
  place: Place,
  names: readonly ("auditor" | "monitor")[] = ["auditor", "monitor"],
): Promise<Workspace> {
  const workspace = givenTo(place, { clock: realClock })
  await unlockVault(workspace, { slots: names, forMs })
  onTestFinished(async () => void (await lockVault(workspace)))
  return workspace
}

test("an unlocked vault serves capture, run and notary without any passphrase, until it is locked", async () => {
  const place = copyOf(base)
  const workspace = await unlocked(place)
  takeAway(place)
  await captured(workspace, async (capture) => {
    const result = await runSession(capture, sessionTerms({ cwd: place.folder }))
    expect(result).toMatchObject({ posture: "measured", exitCode: 0 })
    expect((await makeRun(capture, { agent: "a1", windowDays: 14 })).report.agent).toBe("a1")
    const [provider] = capture.gatewayConfig.value.providers
    expect(await capture.providerKey(provider!)).toBeNull()
  })
  const kids = await withNotary(workspace, async (notary) => [...(await notary.keys()).keys()])
  expect(kids.sort()).toEqual(["auditor", "ledger", "release"])
  expect(await lockVault(workspace)).toEqual({ slots: ["auditor", "monitor"], gateway: false })
  await expect(captured(workspace, async () => 1)).rejects.toMatchObject({ code: "vault/locked" })
})

test("a session next to an unlocked notary is as well isolated as before, and its probe tried to get there", async () => {
  const place = copyOf(base)
  const workspace = await unlocked(place, ["auditor"])
  takeAway(place, ["root"])
  const result = await captured(workspace, (capture) =>
    runSession(capture, sessionTerms({ cwd: place.folder })),
  )
  expect(result).toMatchObject({ posture: "measured", exitCode: 0 })
  const probes = (await eventsOf(workspace)).filter(({ type }) => type === "sandbox_probe")
  const { checks } = probes[0]!.facts.measured as { checks: { id: string; outcome: string }[] }
  const outcomes = new Map(checks.map(({ id, outcome }) => [id, outcome]))
  for (const id of ["socket.notary", "socket.unlocked_notary", "file.unlocked"])
    expect([id, outcomes.get(id)]).toEqual([id, "denied"])
  for (const slot of slots)
    expect(outcomes.get(`file.passphrase_${slot}`)).toBe(slot === "root" ? undefined : "denied")
})

test("a slot that is not unlocked is opened otherwise, and a passphrase that is given is tried", async () => {
  const place = copyOf(base)
  const workspace = await unlocked(place, ["monitor"])
  await captured(workspace, async ({ notary }) => expect((await notary.keys()).size).toBe(3))
  const file = join(place.top, "wrong")
  writeFileSync(file, "wrong", { mode: 0o600 })
  const given = givenTo(place, { given: new Map([["auditor", { file }]]) })
  await expect(captured(given, async () => 1)).rejects.toMatchObject({
    code: "vault/wrong-passphrase",
  })
})

test("wrong passphrases are in the ledger after the next capture, late and once, and cost no points", async () => {
  const place = copyOf(base)
  const repair = spoil(place, "monitor")
  const workspace = givenTo(place)
  for (let tries = 0; tries < 2; tries++)
    await expect(captured(workspace, async () => 1)).rejects.toMatchObject({
      code: "vault/wrong-passphrase",
    })
  repair()
  const score = (): Promise<number> =>
    captured(workspace, async (capture) => {
      const { report } = await makeRun(capture, { agent: "a1", windowDays: 14 })
      return report.integrity_index
    })
  const path = workspace.state.failuresPath(workspace.workspace)
  expect(unrecordedFailures(path)).toHaveLength(2)
  expect(await score()).toBe(await cleanScore())
  expect(await auditsOf(workspace)).toEqual([
    {
      subject: "monitor",
      detail: `wrong passphrase at ${now} ms since 1970, 1 in a row; recorded late`,
    },
    {
      subject: "monitor",
      detail: `wrong passphrase at ${now} ms since 1970, 2 in a row; recorded late`,
    },
  ])
  expect(unrecordedFailures(path)).toEqual([])
  await captured(workspace, async () => 1)
  expect(await auditsOf(workspace)).toHaveLength(2)
})

function cleanScore(): Promise<number> {
  return captured(copyOf(base).workspace, async (capture) => {
    const { report } = await makeRun(capture, { agent: "a1", windowDays: 14 })
    return report.integrity_index
  })
}

test("wrong passphrases stay spooled until the ledger can hold them", async () => {
  const place = copyOf(base)
  const repair = spoil(place, "auditor")
  const workspace = givenTo(place)
  await expect(captured(workspace, async () => 1)).rejects.toMatchObject({
    code: "vault/wrong-passphrase",
  })
  repair()
  // A config that can't be read ends the capture before its first event.
  const config = join(workspace.dir, "gateway.yaml")
  const good = readFileSync(config)
  writeFileSync(config, "providers: [")
  await expect(captured(workspace, async () => 1)).rejects.toMatchObject({
    code: "input/malformed",
  })
  const path = workspace.state.failuresPath(workspace.workspace)
  expect(unrecordedFailures(path)).toHaveLength(1)
  writeFileSync(config, good)
  await captured(workspace, async () => 1)
  expect((await auditsOf(workspace)).map(({ subject }) => subject)).toEqual(["auditor"])
})

test.each<{ why: string; restore: (path: string, old: string) => Promise<void> }>([
  { why: "file", restore: async (path, old) => cpSync(old, path) },
  {
    // One slot is put back and another is written again, so that the generation is the newest.
    why: "file, rewritten to the newest generation",
    restore: async (path, old) => {
      cpSync(old, path)
      const secrets = readFileSync(`${old}.monitor`)
      await changeSlot(path, "monitor", secrets, (all) => all)
    },
  },
])(
  "V06 an older vault $why that is put back is refused by the next capture",
  async ({ restore }) => {
    const place = copyOf(base)
    const workspace = givenTo(place)
    const path = vaultPathOf(workspace.dir)
    const old = join(place.top, "old.amcvault")
    cpSync(path, old)
    chmodSync(old, 0o600)
    cpSync(workspace.state.passphrasePath(workspace.workspace, "monitor"), `${old}.monitor`)
    await withPassphrase(workspace, "monitor", (it) =>
      changeSlot(path, "monitor", it, (all) => all),
    )
    await captured(workspace, async () => 1)
    const newest = vaultState(path)
    await restore(path, old)
    await expect(captured(workspace, async () => 1)).rejects.toMatchObject({
      code: "vault/damaged",
    })
    expect(vaultState(path).sha256).not.toBe(newest.sha256)
  },
)

test("status tells slots, generations, wrong passphrases and until when, and no secret", async () => {
  const place = copyOf(base)
  spoil(place, "root")
  const workspace = await unlocked(place, ["monitor"])
  const untilMs = (await findUnlocked(workspace.state.unlockedPath(workspace.workspace)))?.untilMs
  const path = vaultPathOf(workspace.dir)
  for (let tries = 0; tries < 4; tries++)
    await withPassphrase(givenTo(place, { clock: () => now + tries * 5000 }), "root", (it) =>
      openSlot(path, "root", it),
    ).catch(() => undefined)
  const later = givenTo(place, { clock: () => now + 16_000 })
  const status = await vaultStatus(later)
  expect(status).toMatchObject({
    ...vaultState(path),
    unlocked_until_ms: untilMs,
  })
  expect(status.slots).toEqual([
    slotStatus("auditor", {}),
    slotStatus("monitor", { unlocked: true }),
    slotStatus("root", { failed_attempts: 4, backing_off_ms: 1000 }),
  ])
  await lockVault(workspace)
  expect((await vaultStatus(later)).unlocked_until_ms).toBeNull()
  expect(existsSync(workspace.state.unlockedPath(workspace.workspace))).toBe(false)
})

function slotStatus(slot: string, differing: object): object {
  const rest = { unlocked: false, passphrase_file: true, failed_attempts: 0, backing_off_ms: 0 }
  return { slot, generation: 1, ...rest, ...differing }
}
