import { once } from "node:events"
import { MessageChannel, Worker } from "node:worker_threads"
import { type Observation, openReceipt, sha256Hex, utf8 } from "@amc/core"
import { sampleAudit, sampleRequest, sampleSession } from "@amc/testkit"
import { expect, onTestFinished, test } from "vitest"
import { RecorderClient } from "./recorder-client.ts"
import { openSession, sealSession } from "./sessions.ts"
import { origin, recordAll, signer } from "./writing.fixture.ts"

const s1 = { agent: "coder", session: "s1" }

interface Started {
  readonly opening: Promise<RecorderClient>
  readonly exit: Promise<unknown[]>
  readonly worker: Worker
}

function start(behaviour: string, limits?: Parameters<typeof RecorderClient.open>[1]): Started {
  const { port1, port2 } = new MessageChannel()
  const url = new URL("./recorder-worker.fixture.ts", import.meta.url)
  const worker = new Worker(url, {
    workerData: { port: port2, behaviour },
    transferList: [port2],
    execArgv: [],
  })
  onTestFinished(async () => void (await worker.terminate()))
  return { opening: RecorderClient.open(port1, limits), exit: once(worker, "exit"), worker }
}

test("records through a thread, in the order of the calls", async () => {
  const { opening, exit } = start("serves")
  const client = await opening
  const open = openSession(client, s1, sampleSession)
  const call = { ...s1, callId: "c1", body: "hello", receipt: true }
  const recorded = await recordAll(client, [
    sampleRequest(call),
    sampleAudit("a"),
    sampleAudit("b"),
  ])
  const seal = sealSession(client, s1, { reason: "exited", posture: "measured", hardened: true })
  expect((await open).lseq).toBe(1)
  expect(recorded).toMatchObject([
    { value: { lseq: 2 } },
    { value: { lseq: 3 } },
    { value: { lseq: 4 } },
  ])
  const receipt = (recorded[0] as PromiseFulfilledResult<{ receipt: string }>).value.receipt
  expect(openReceipt(receipt, new Map([[signer.key.kid, signer.key]])).body_sha256).toBe(
    sha256Hex(utf8("hello")),
  )
  // The call's end comes first.
  expect((await seal).lseq).toBe(6)
  expect(await client.checkpoint()).toMatchObject({ origin, size: 7, root: expect.any(Uint8Array) })
  expect((await client.heads()).agents.map(({ agent }) => agent)).toEqual(["_system", "coder"])
  await client.close()
  expect(await exit).toEqual([0])
})

test("leaves the caller's bytes alone, also those of a shared buffer", async () => {
  const client = await start("serves").opening
  await openSession(client, s1, sampleSession)
  const { payload, ...rest } = sampleRequest({ ...s1, callId: "c1" })
  const blob = Buffer.from("a small one out of node's pool")
  await client.record({ ...rest, payload: { ...payload!, blob } })
  expect(blob.toString()).toBe("a small one out of node's pool")
})

test("carries refusals across, with their codes, and goes on", async () => {
  const client = await start("serves").opening
  const bad = {
    ...sampleAudit(""),
    facts: { measured: {}, reported: {} },
  } as unknown as Observation
  const unclonable = { ...sampleAudit(""), facts: () => 1 } as unknown as Observation
  const outcomes = await recordAll(client, [
    sampleAudit("a"),
    bad,
    unclonable,
    sampleRequest({ ...s1, callId: "c" }),
    sampleAudit("b"),
  ])
  expect(outcomes).toMatchObject([
    { value: { lseq: 1 } },
    { reason: { code: "input/malformed" } },
    { reason: { code: "input/malformed" } },
    { reason: { code: "ledger/closed" } },
    { value: { lseq: 2 } },
  ])
})

test("says why the writer could not be opened", async () => {
  const { opening, exit } = start("can't open")
  await expect(opening).rejects.toMatchObject({ code: "ledger/lane-taken", hint: "wait" })
  expect(await exit).toEqual([0])
})

test("hands a failed write to those who waited for it", async () => {
  const client = await start("fails at the second append").opening
  await expect(client.record(sampleAudit("a"))).rejects.toMatchObject({ code: "store/unavailable" })
  await expect(client.record(sampleAudit("b"))).resolves.toMatchObject({ lseq: 1 })
})

test("refuses what waits and what comes when the thread dies", async () => {
  const client = await start("dies at the second append").opening
  const outcomes = await recordAll(client, [sampleAudit("a"), sampleAudit("b")])
  const unavailable = { status: "rejected", reason: { code: "store/unavailable" } }
  expect(outcomes).toMatchObject([unavailable, unavailable])
  await expect(client.record(sampleAudit("c"))).rejects.toMatchObject({ code: "store/unavailable" })
  await expect(client.checkpoint()).rejects.toMatchObject({ code: "store/unavailable" })
  await client.close()
})

test("refuses more than may wait without asking the thread", async () => {
  const client = await start("serves", { observations: 2, bytes: 1000 }).opening
  const outcomes = await recordAll(client, [sampleAudit("a"), sampleAudit("b"), sampleAudit("c")])
  expect(outcomes[2]).toMatchObject({ reason: { code: "ledger/busy" } })
  expect(outcomes.slice(0, 2).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"])
})

test("finishes what was handed in when it is closed, and refuses the rest", async () => {
  const { opening, exit } = start("serves")
  const client = await opening
  const last = client.record(sampleAudit("last"))
  const closing = client.close()
  await expect(client.record(sampleAudit("after"))).rejects.toMatchObject({ code: "ledger/closed" })
  await expect(last).resolves.toMatchObject({ lseq: 1 })
  await closing
  await client.close()
  expect(await exit).toEqual([0])
})

test("flushes what was handed in before", async () => {
  const client = await start("serves").opening
  let done = 0
  for (let n = 0; n < 300; n++) void client.record(sampleAudit("x")).then(() => done++)
  await client.flush()
  expect(done).toBe(300)
})
