import { type ChildProcessByStdio, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import { openReceipt, parseEvent } from "@amc/core"
import { LaneWriter, recoverLane, uuidSource } from "@amc/ledger"
import { laneBreaches, seededSigner } from "@amc/testkit"
import Database from "better-sqlite3"
import { expect, onTestFinished, test } from "vitest"
import { buildCrashChild } from "./crash-build.fixture.ts"
import { ledgerFileName, lockLane, openLedger } from "./index.ts"

const kills = 50
const signer = seededSigner("crash")
const rootSha256 = "ab".repeat(32)
const keys = new Map([[signer.key.kid, signer.key]])

const entry = await buildCrashChild()

/** Starts a child, which waits for a byte before it opens the ledger. */
function startChild(dir: string, run: number): ChildProcessByStdio<Writable, Readable, null> {
  const args = [entry, dir, `run-${run}`]
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] })
  onTestFinished(() => void child.kill("SIGKILL"))
  return child
}

/** Lets a child work and kills it at its n-th line (0: as soon as it says that it recovers); what it printed. */
async function workAndKill(
  child: ReturnType<typeof startChild>,
  killAt: number,
): Promise<string[]> {
  const exit = new Promise<unknown>((resolve) => child.once("exit", (_, signal) => resolve(signal)))
  const lines: string[] = []
  child.stdin.write("!")
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    if (lines.length > killAt) child.kill("SIGKILL")
  }
  expect(await exit).toBe("SIGKILL")
  return lines.filter((line) => line !== "recovering")
}

/** Spread over start, recovery and load; the same in every run, while where the kill falls is not. */
function killAtOf(run: number): number {
  return run % 4 === 0 ? 0 : (run * 37) % 150
}

test(`L25 no acknowledged event is lost by ${kills} kills`, async () => {
  const dir = mkdtempSync(join(tmpdir(), "amc-crash-"))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const acknowledged: string[] = []
  let next = startChild(dir, 0)
  for (let run = 0; run < kills; run++) {
    const child = next
    next = startChild(dir, run + 1)
    acknowledged.push(...(await workAndKill(child, killAtOf(run))))
  }

  const lock = await lockLane(dir, "main")
  const { events: store, blobs, close } = openLedger(dir)
  const terms = { store, blobs, lane: "main", origin: "acme/ledger", rootSha256, signer }
  const writer = await LaneWriter.open({ ...terms, ids: uuidSource, clock: () => Date.now() })
  await recoverLane(writer)
  expect(writer.openSessions()).toEqual([])
  expect(await laneBreaches(store, { lane: "main", rootSha256, key: signer.key })).toEqual([])

  const hashes: string[] = []
  const [opened, sealed, asked, answered] = [new Set(), new Set(), new Set(), new Set()]
  for await (const { leaf, leafHash } of store.read("main", 0)) {
    hashes.push(Buffer.from(leafHash).toString("hex"))
    const event = parseEvent(leaf)
    if (event.type === "session_open") opened.add(event.session)
    if (event.type === "session_seal") sealed.add(event.session)
    if (event.type === "llm_request") asked.add(event.facts.measured.call_id)
    if (event.type === "llm_response") answered.add(event.facts.measured.call_id)
    const blob = event.payload?.blob_sha256
    if (blob) expect(await blobs.get(blob)).not.toBeNull()
  }
  expect([sealed, answered]).toEqual([opened, asked])
  expect(acknowledged.length).toBeGreaterThan(1000)
  for (const line of acknowledged) {
    const [hash, lseq, receipt = "-"] = line.split(" ")
    expect(hashes[Number(lseq)]).toBe(hash)
    if (receipt !== "-")
      expect(openReceipt(receipt, keys)).toMatchObject({ event_hash: hash, lseq: Number(lseq) })
  }
  await close()
  lock.release()
  const db = new Database(join(dir, ledgerFileName))
  onTestFinished(() => void db.close())
  expect(db.pragma("integrity_check", { simple: true })).toBe("ok")
}, 240_000)
