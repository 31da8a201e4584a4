import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { type Event, openReceipt } from "@amc/core"
import { beforeAll, expect, onTestFinished, test } from "vitest"
import { bindAgent } from "./bind-agent.ts"
import { openCapture } from "./capture.ts"
import { reachGateway } from "./gateway-client.ts"
import { initGateway } from "./gateway-init.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { addProvider } from "./provider.ts"
import { reconcile } from "./reconcile.ts"
import { StandingGateway } from "./standing-gateway.ts"
import { copyOf, newPlace, now, type Place, reopened } from "./workspace.fixture.ts"

const minute = 60_000
let made: Place
let port = 0
beforeAll(async () => {
  const usage = { prompt_tokens: 10, completion_tokens: 5 }
  const server = createServer((request, response) => {
    if (request.url?.endsWith("/silent") === true) return
    response.setHeader("content-type", "application/json").end(JSON.stringify({ usage }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  port = (server.address() as AddressInfo).port
  made = await newPlace()
  await addProvider(reopened(made), {
    provider: {
      id: "up",
      kind: "compatible",
      upstream: `http://127.0.0.1:${port}`,
      base_path: "",
      socket: null,
      auth: "bearer",
    },
    key: null,
    clock: () => now,
  })
  return () => server.close()
}, 60_000)

interface Standing {
  readonly place: Place
  readonly gateway: StandingGateway
  readonly time: { now: number }
  ask(token: string, mostTokens?: number): Promise<string>
}

async function start(place: Place = copyOf(made)): Promise<Standing> {
  const time = { now }
  const terms = { host: "127.0.0.1", port: 0, egressPort: 0, clock: () => time.now }
  const gateway = await StandingGateway.start(reopened(place), terms)
  onTestFinished(() => gateway.close())
  const ask = async (token: string, mostTokens = 5): Promise<string> => {
    const response = await fetch(`${gateway.url}/up/v1/chat/completions`, {
      method: "POST",
      headers: { "x-api-key": token },
      body: JSON.stringify({ model: "m", max_tokens: mostTokens }),
    })
    const { code = "answered" } = (await response.json()) as { code?: string }
    return code
  }
  return { place, gateway, time, ask }
}

const wanted = { agent: "a1", providers: ["up"], ttl_ms: 30 * 3_600_000 }

async function eventsIn({ workspace }: Place): Promise<readonly Event[]> {
  return withLedger(workspace, async ({ events }) => {
    const found: Event[] = []
    for await (const { leaf } of events.read(workspace.lane, 0)) found.push(eventOf(leaf))
    return found
  })
}

function seals(events: readonly Event[]): readonly unknown[] {
  return events.flatMap((event) =>
    event.type === "session_seal" ? [event.facts.measured.reason] : [],
  )
}

test("a bare lease's session is sealed after 15 minutes with no call, and the next call opens another", async () => {
  const { place, gateway, time, ask } = await start()
  const { token } = await gateway.issue(wanted)
  expect(await ask(token)).toBe("answered")
  time.now += 15 * minute - 1
  expect(await ask(token)).toBe("answered")
  time.now += 15 * minute
  expect(await ask(token)).toBe("answered")
  await gateway.close()
  const events = await eventsIn(place)
  const sessions = events.filter(({ type }) => type === "llm_request").map(({ session }) => session)
  expect(new Set(sessions.slice(0, 2)).size).toBe(1)
  expect(new Set(sessions).size).toBe(2)
  expect(seals(events)).toEqual(["idle", "interrupted"])
})

test("a bare lease's session is sealed after 24 hours, however busy it is", async () => {
  const { place, gateway, time, ask } = await start()
  const { token } = await gateway.issue(wanted)
  for (let step = 0; step <= 103; step++) {
    expect(await ask(token)).toBe("answered")
    time.now += 14 * minute + 6000
  }
  await gateway.close()
  expect(seals(await eventsIn(place))).toEqual(["timeout", "interrupted"])
})

test("T4: nothing of a bare lease's agent is measured, so its session is shared", async () => {
  const { place, gateway, ask } = await start()
  await ask((await gateway.issue(wanted)).token)
  await gateway.close()
  const events = await eventsIn(place)
  expect(events.find(({ type }) => type === "session_seal")?.facts.measured).toMatchObject({
    posture: "shared",
  })
  expect(events.find(({ type }) => type === "audit")?.facts.measured).toMatchObject({
    code: "TRUST_BOUNDARY_SHARED",
  })
})

test("L7: what was spent on a day counts after a restart", async () => {
  const place = copyOf(made)
  const policy = { budgets: { day: { tokens: 130 } } }
  await bindAgent(reopened(place), { agent: "a1", providers: ["up"], policy, clock: () => now })
  const first = await start(place)
  // A call may come to 34 bytes and 5 tokens, and comes to 15.
  for (let calls = 0; calls < 6; calls++)
    expect(await first.ask((await first.gateway.issue(wanted)).token)).toBe("answered")
  await first.gateway.close()
  const second = await start(place)
  const { token } = await second.gateway.issue(wanted)
  expect(await second.ask(token)).toBe("answered")
  expect(await second.ask(token)).toBe("gateway/budget")
  second.time.now += 24 * 60 * minute
  expect(await second.ask((await second.gateway.issue(wanted)).token)).toBe("answered")
})

test.each([
  { why: "asks for few tokens", most: 5, next: "answered" },
  { why: "asks for nearly all", most: 100, next: "gateway/budget" },
])(
  "L7: a call that $why and was cut counts after a restart as what was held for it",
  async ({ most, next }) => {
    const place = copyOf(made)
    const policy = { budgets: { day: { tokens: 200 } } }
    await bindAgent(reopened(place), { agent: "a1", providers: ["up"], policy, clock: () => now })
    const first = await start(place)
    const { token } = await first.gateway.issue(wanted)
    const asked = fetch(`${first.gateway.url}/up/silent`, {
      method: "POST",
      headers: { "x-api-key": token },
      body: JSON.stringify({ model: "m", max_tokens: most }),
    }).catch(() => null)
    await expect
      .poll(async () => (await eventsIn(place)).some(({ type }) => type === "llm_request"))
      .toBe(true)
    await first.gateway.close()
    await asked
    const second = await start(place)
    expect(await second.ask((await second.gateway.issue(wanted)).token, 100)).toBe(next)
  },
)

test("F2: what nobody signed for can't widen what was signed last", async () => {
  const place = copyOf(made)
  const policy = { models: ["other"] }
  const bound = await bindAgent(reopened(place), {
    agent: "a1",
    providers: [],
    policy,
    clock: () => now,
  })
  const file = join(place.workspace.dir, bound.path)
  writeFileSync(file, readFileSync(file, "utf8").replace(/^gateway:[^]*/m, ""))
  const { gateway, ask } = await start(place)
  expect(await ask((await gateway.issue(wanted)).token)).toBe("gateway/policy")
})

test("the owner's commands reach the gateway, and a lock ends leases, sessions and keys", async () => {
  const { place, gateway, ask } = await start()
  const running = reachGateway(place.workspace)
  const { token, lease } = await running.issue(wanted)
  expect(await ask(token)).toBe("answered")
  expect(await running.leases()).toMatchObject([{ id: lease.id, calls: 1 }])
  await expect(running.issue({ ...wanted, providers: ["none"] })).rejects.toMatchObject({
    code: "usage/invalid",
  })
  await expect(running.revoke("00000000")).rejects.toMatchObject({ code: "gateway/unknown-lease" })
  await running.lock()
  expect(gateway.isLocked).toBe(true)
  expect(await ask(token)).toBe("gateway/locked")
  expect(() => reachGateway(place.workspace)).toThrow(
    expect.objectContaining({ code: "gateway/not-running" }),
  )
  expect(seals(await eventsIn(place))).toEqual(["interrupted"])
  await expect(gateway.issue(wanted)).rejects.toMatchObject({ code: "gateway/locked" })
})

test("requests and responses are counted by agent and by time", async () => {
  const { place, gateway, ask } = await start()
  await ask((await gateway.issue(wanted)).token)
  await ask((await gateway.issue({ ...wanted, agent: "a2" })).token)
  await gateway.close()
  const count = (agent: string) => ({ agent, requests: 1, responses: 1, open: 0 })
  expect(await reconcile(place.workspace, {})).toEqual({
    lane: "main",
    agents: [count("a1"), count("a2")],
    unmatched: [],
    isBalanced: true,
  })
  expect((await reconcile(place.workspace, { agent: "a1" })).agents).toEqual([count("a1")])
  expect((await reconcile(place.workspace, { sinceMs: now + 60 * minute })).agents).toEqual([])
})

test("G4: a gateway.yaml is made where none is, and one that nobody signed for is not", async () => {
  const place = copyOf(made)
  expect(await initGateway(reopened(place), () => now)).toMatchObject({ isNew: false })
  writeFileSync(join(place.workspace.dir, "gateway.yaml"), "v: 1\nproviders: []\n")
  await expect(initGateway(reopened(place), () => now)).rejects.toMatchObject({
    code: "input/malformed",
  })
})

test("G2: each answer names the monitor's key, whose receipts the client then checks", async () => {
  const { place, gateway } = await start()
  const { token } = await gateway.issue(wanted)
  const { headers } = await fetch(`${gateway.url}/up/v1/chat/completions`, {
    method: "POST",
    headers: { "x-api-key": token },
    body: JSON.stringify({ model: "m", max_tokens: 5 }),
  })
  const receipt = headers.get("x-amc-receipt") ?? ""
  const keys = reopened(place).keyring.keys("monitor")
  const { kid } = openReceipt(receipt, keys)
  expect(headers.get("x-amc-monitor-pub-fpr")).toBe(kid)
})

test("the passphrase that starts the gateway is the monitor's alone", async () => {
  const place = copyOf(made)
  const { state, workspace } = place.workspace
  for (const slot of ["auditor", "root"]) rmSync(state.passphrasePath(workspace, slot))
  const { gateway, ask } = await start(place)
  const { token } = await gateway.issue(wanted)
  expect(await ask(token)).toBe("answered")
  await gateway.close()
  const capture = openCapture(reopened(place), { clock: () => now })
  await expect(capture).rejects.toMatchObject({ code: "vault/locked" })
  const recording = await openCapture(reopened(place), { clock: () => now, monitorOnly: true })
  onTestFinished(() => recording.close())
  expect([...(await recording.notary.keys()).keys()]).toEqual(["ledger"])
})
