import { randomUUID } from "node:crypto"
import { readdirSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import { sha256Hex } from "@amc/core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amc, amcJson } from "./testing/amc.ts"
import { eventsOf, measuredOf } from "./testing/evidence.ts"
import { issueLease, startGateway } from "./testing/gateway.ts"
import { startUpstream, type Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

let own: TestWorkspace
let upstream: Upstream

beforeAll(async () => {
  own = await makeWorkspace()
  upstream = await startUpstream(async ({ target }, response) => {
    if (target.endsWith("/silent")) return
    const isStream = target.endsWith("/stream")
    response.writeHead(200, { "content-type": isStream ? "text/event-stream" : "application/json" })
    for (let sent = 0; sent < (isStream ? 20 : 0); sent++) {
      response.write(`data: {"id":"c${sent}"}\n\n`)
      await new Promise(setImmediate)
    }
    response.end(isStream ? "data: [DONE]\n\n" : '{"id":"c1"}')
  })
  await addProvider(own, "slow", upstream)
}, 120_000)

afterAll(async () => {
  await upstream?.close()
  await own?.close()
})

/** Every receipt that a client got to see, however its call ended. */
interface Seen {
  readonly receipts: string[]
  answered: number
}

/** One call; ends when it is answered or cut. */
function call(at: { url: string; token: string; path: string; body: string }, seen: Seen) {
  return new Promise<void>((resolve) => {
    const headers = { "x-api-key": at.token, "content-type": "application/json" }
    const sent = request(`${at.url}/slow/v1/${at.path}`, { method: "POST", headers }, (answer) => {
      for (const name of ["x-amc-request-receipt", "x-amc-receipt"]) {
        const receipt = answer.headers[name]
        if (typeof receipt === "string") seen.receipts.push(receipt)
      }
      answer.resume()
      answer.on("end", () => seen.answered++)
      answer.on("error", () => undefined).on("close", resolve)
    })
    sent.on("error", () => resolve())
    sent.end(at.body)
  })
}

test.each([{ receipts: 1 }, { receipts: 50 }, { receipts: 300 }])(
  "G1: a gateway that is killed in a flood of calls, at receipt $receipts, leaves nothing forwarded unrecorded, and no receipt without its event",
  { timeout: 180_000 },
  async ({ receipts }) => {
    // Another at each try, since what an earlier one left stays in the ledger.
    const agent = `flood-${receipts}-${randomUUID()}`
    const gateway = await startGateway(own)
    const { token } = await issueLease(own, agent, "slow")
    const before = upstream.arrived.length
    const seen: Seen = { receipts: [], answered: 0 }
    const flood = new AbortController()
    const paths = ["json", "json", "json", "stream", "silent"]
    const clients = paths.flatMap((path) =>
      Array.from({ length: 4 }, async (_none, n) => {
        for (let made = 0; !flood.signal.aborted; made++) {
          const pad = "x".repeat(made % 7 === 0 ? 300_000 : 100)
          const body = JSON.stringify({ agent, path, n, made, pad })
          await call({ url: gateway.url, token, path, body }, seen)
        }
      }),
    )
    const isThere = (): boolean => seen.receipts.length >= receipts
    await expect.poll(isThere, { timeout: 60_000, interval: 1 }).toBe(true)
    gateway.child.kill("SIGKILL")
    flood.abort()
    await gateway.ended
    await Promise.all(clients)
    // One that the kill cut off has no body here, and no digest to be found again.
    const whole = upstream.arrived.slice(before).filter(({ body }) => body.length > 0)
    const arrived = whole.map(({ body }) => sha256Hex(body))

    const recovered = await amcJson(own, ["ledger", "recover"])
    expect(recovered.exit, recovered.stderr).toBe(0)
    const events = await eventsOf(own.dir)
    const recorded = new Set(
      events.flatMap(({ event }) =>
        event.type === "llm_request" ? [event.payload?.sha256 ?? ""] : [],
      ),
    )
    expect(arrived.filter((digest) => !recorded.has(digest))).toEqual([])
    expect(arrived.length).toBeGreaterThan(receipts / 3)
    const hashes = new Set(events.map(({ hash }) => hash))
    for (const receipt of seen.receipts) {
      const [text = ""] = receipt.split(".")
      const promised = JSON.parse(Buffer.from(text, "base64url").toString()) as {
        event_hash: string
      }
      expect(hashes).toContain(promised.event_hash)
    }
    const [requests, responses] = [
      measuredOf(events, "llm_request", agent),
      measuredOf(events, "llm_response", agent),
    ]
    expect(responses.map(({ call_id }) => call_id).toSorted()).toEqual(
      requests.map(({ call_id }) => call_id).toSorted(),
    )
    const crashed = responses.filter(({ completeness }) => completeness === "crashed")
    const gap = measuredOf(events, "gap").at(-1)
    expect([gap?.reason, gap?.open_calls]).toEqual(["crash", crashed.length])
    expect(crashed.length).toBeGreaterThanOrEqual(4)
    // What a client has got in full was durable before.
    expect(
      responses.filter(({ completeness }) => completeness === "complete").length,
    ).toBeGreaterThanOrEqual(seen.answered)
    // A body that the kill left before its event is named by none, kept and told.
    expect(readdirSync(join(own.dir, "spool"))).toHaveLength(recovered.data.spooled)
    const { data } = await amcJson(own, ["gateway", "reconcile", "--agent", agent])
    expect(data).toMatchObject({ balanced: true, unmatched: [] })
    const verified = await amc(own, ["verify"])
    expect(verified.exit, verified.stdout + verified.stderr).toBe(0)
    const [first] = seen.receipts
    const shown = await amc(own, ["ledger", "show", first ?? ""])
    expect(shown.exit, shown.stderr).toBe(0)
  },
)
