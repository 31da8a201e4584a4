import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isFault, openReceipt, parseEvent, type Recorded } from "@amc/core"
import { LaneWriter, openSession, sealSession, uuidSource } from "@amc/ledger"
import { laneBreaches, sampleRequest, sampleSession, seededSigner } from "@amc/testkit"
import { expect, onTestFinished, test } from "vitest"
import { openLedger } from "./index.ts"

const signer = seededSigner("crash")
const name = { agent: "coder", session: "s1" }
const terms = { lane: "main", rootSha256: "ab".repeat(32), origin: "acme/ledger", signer }

/** A disk of a few megabytes, or why there can't be one. */
function tinyDisk(): { readonly dir: string } | { readonly hindered: string } {
  const dir = mkdtempSync(join(tmpdir(), "amc-tiny-"))
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", dir])
  if (mounted.status === 0) return { dir }
  rmSync(dir, { recursive: true })
  return { hindered: `no tmpfs can be mounted here: ${mounted.error?.message ?? mounted.stderr}` }
}

function removeDisk(dir: string): void {
  execFileSync("umount", [dir])
  rmSync(dir, { recursive: true })
}

/** Tried and taken away at once, since the test may not be among those that are asked for. */
function diskHindered(): string | null {
  const disk = tinyDisk()
  if ("hindered" in disk) return disk.hindered
  removeDisk(disk.dir)
  return null
}

const hindered = diskHindered()
// Nobody shall think that this was tested where it was not.
if (hindered !== null) console.warn(`SKIPPED: a disk that fills: ${hindered}`)

test.skipIf(hindered !== null)(
  "L25 a disk that fills refuses, loses nothing, and recording goes on in the same process when there is room",
  async () => {
    const { dir } = tinyDisk() as { dir: string }
    onTestFinished(() => removeDisk(dir))
    const { events: store, blobs, close } = openLedger(join(dir, "ledger"))
    onTestFinished(close)
    let now = 1_800_000_000_000
    const ids = uuidSource
    const writer = await LaneWriter.open({ ...terms, store, blobs, ids, clock: () => now++ })
    await openSession(writer, name, sampleSession)

    const told: Recorded[] = []
    let calls = 0
    const recordCall = async (size: number): Promise<string> => {
      const callId = `c${calls++}`
      const call = { ...name, callId, receipt: true, body: callId.padEnd(size, "x") }
      try {
        told.push(await writer.record(sampleRequest(call)))
        return "recorded"
      } catch (error) {
        if (!isFault(error)) throw error
        return error.code
      }
    }
    const recordUntilFull = async (size: number): Promise<string> => {
      for (;;) {
        const outcome = await recordCall(size)
        if (outcome !== "recorded") return outcome
      }
    }
    // Large payloads fill it first, and leave room for small ones, which then fill the rest.
    for (const size of [400_000, 30_000, 10])
      expect(await recordUntilFull(size)).toBe("store/unavailable")
    const whenFull = told.length
    expect(whenFull).toBeGreaterThan(5)
    expect(await Promise.all([recordCall(400_000), recordCall(10)])).toEqual([
      "store/unavailable",
      "store/unavailable",
    ])

    execFileSync("mount", ["-o", "remount,size=64m", dir])
    for (const size of [400_000, 30_000, 10]) expect(await recordCall(size)).toBe("recorded")
    await sealSession(writer, name, { reason: "exited", posture: "measured", hardened: true })

    const { key } = signer
    expect(await laneBreaches(store, { ...terms, key })).toEqual([])
    const hashes: string[] = []
    for await (const { leaf, leafHash } of store.read("main", 0)) {
      hashes.push(Buffer.from(leafHash).toString("hex"))
      const { payload } = parseEvent(leaf)
      if (payload?.blob_sha256) expect(await blobs.get(payload.blob_sha256)).not.toBeNull()
    }
    // The seal closes each call, none of which has a response.
    expect(hashes).toHaveLength((whenFull + 3) * 2 + 2)
    for (const { lseq, event_hash, receipt } of told) {
      expect(hashes[lseq]).toBe(event_hash)
      const opened = openReceipt(receipt ?? "", new Map([[key.kid, key]]))
      expect(opened).toMatchObject({ event_hash, lseq })
    }
  },
)
