import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import OpenAI from "openai"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amc, amcJson } from "./testing/amc.ts"
import { eventsOf, measuredOf } from "./testing/evidence.ts"
import { issueLease, type Standing, startGateway } from "./testing/gateway.ts"
import { startUpstream, type Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
const completion = {
  id: "c1",
  object: "chat.completion",
  created: 1,
  model: "gpt-5.4-mini",
  choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
  usage,
}
const messages = [{ role: "user" as const, content: "hello" }]
const agents = ["standing", "bounded", "killed"]

let own: TestWorkspace
let upstream: Upstream
let aborted = 0
/** Every lease that was given out here. */
const tokens: string[] = []

beforeAll(async () => {
  own = await makeWorkspace()
  upstream = await startUpstream(({ body }, response) => {
    response.on("close", () => (aborted += response.writableFinished ? 0 : 1))
    const { stream } = JSON.parse(body.toString()) as { stream?: boolean }
    if (stream !== true)
      return void response
        .setHeader("content-type", "application/json")
        .end(JSON.stringify(completion))
    response.writeHead(200, { "content-type": "text/event-stream" })
    response.write(
      `data: ${JSON.stringify({ ...completion, choices: [{ index: 0, delta: { content: "h" } }] })}\n\n`,
    )
  })
  await addProvider(own, "slow", upstream)
}, 120_000)

afterAll(async () => {
  await upstream?.close()
  await own?.close()
})

async function issue(agent: string, ...words: string[]): Promise<{ token: string; id: string }> {
  const given = await issueLease(own, agent, "slow", words)
  tokens.push(given.token)
  return given
}

function clientOf(standing: Standing, apiKey: string): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${standing.url}/slow/v1`, maxRetries: 0 })
}

async function readToEnd(stream: AsyncIterable<{ readonly id: string }>): Promise<void> {
  for await (const chunk of stream) expect(chunk.id).toBe("c1")
}

test(
  "G6: a lease opens a session at its first call, is revoked in the middle of a stream, and its budget ends",
  { timeout: 120_000 },
  async () => {
    const gateway = await startGateway(own)
    const { token, id } = await issue("standing", "--ttl", "1h", "--model", "gpt-5.4*")
    const client = clientOf(gateway, token)
    expect((await client.chat.completions.create({ model: "gpt-5.4-mini", messages })).id).toBe(
      "c1",
    )
    await expect(client.chat.completions.create({ model: "o3", messages })).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining("models of lease"),
    })
    const { data } = await amcJson(own, ["lease", "list"])
    expect(data.leases).toMatchObject([{ id, agent: "standing", calls: 2 }])
    const stream = await client.chat.completions.create({
      model: "gpt-5.4-mini",
      messages,
      stream: true,
    })
    const cut = expect(readToEnd(stream)).rejects.toThrow()
    const revoked = await amcJson(own, ["lease", "revoke", id.slice(0, 12)])
    expect(revoked.exit, revoked.stderr).toBe(0)
    await cut
    await expect.poll(() => aborted).toBe(1)
    await expect(client.models.list()).rejects.toMatchObject({ status: 401 })
    expect((await amcJson(own, ["lease", "revoke", id])).findings[0]?.code).toBe(
      "gateway/unknown-lease",
    )

    const bounded = clientOf(gateway, (await issue("bounded", "--budget", "calls=2")).token)
    const ask = () => bounded.chat.completions.create({ model: "gpt-5.4-mini", messages })
    await ask()
    await ask()
    await expect(ask()).rejects.toMatchObject({ status: 429, code: "gateway/budget" })
    expect(await gateway.stop()).toBe(0)

    const events = await eventsOf(own.dir)
    const [opened] = measuredOf(events, "session_open", "standing")
    expect(opened).toMatchObject({
      kind: "gateway",
      driver: "none",
      providers: [{ provider: "slow", loopback: true }],
      command_sha256: null,
    })
    expect(
      measuredOf(events, "llm_response", "standing").map(({ completeness }) => completeness),
    ).toEqual(["complete", "refused", "refused"])
    expect(measuredOf(events, "session_seal", "standing")).toMatchObject([
      { reason: "interrupted", posture: "shared" },
    ])
    expect(measuredOf(events, "lease", "standing").map(({ action }) => action)).toEqual([
      "issued",
      "revoked",
    ])
    expect(measuredOf(events, "audit", "bounded").map(({ code }) => code)).toContain(
      "BUDGET_EXCEEDED",
    )
  },
)

test(
  "what was killed in a call is reconciled, closed by recovery, and the ledger verifies",
  { timeout: 120_000 },
  async () => {
    const gateway = await startGateway(own)
    const client = clientOf(gateway, (await issue("killed")).token)
    const stream = await client.chat.completions.create({
      model: "gpt-5.4-mini",
      messages,
      stream: true,
    })
    const cut = expect(readToEnd(stream)).rejects.toThrow()
    gateway.child.kill("SIGKILL")
    await gateway.ended
    await cut

    expect((await amcJson(own, ["lease", "list"])).findings[0]?.code).toBe("gateway/not-running")
    const open = await amcJson(own, ["gateway", "reconcile", "--agent", "killed"])
    expect([open.exit, open.data.agents]).toEqual([
      0,
      [{ agent: "killed", requests: 1, responses: 0, open: 1 }],
    ])
    expect(open.data.unmatched).toMatchObject([{ what: "open" }])
    expect((await amcJson(own, ["gateway", "init"])).data).toMatchObject({ is_new: false })
    const { data } = await amcJson(own, ["gateway", "reconcile"])
    expect(data).toMatchObject({ balanced: true, unmatched: [] })
    expect(data.agents.map(({ agent }: { agent: string }) => agent)).toEqual(agents.toSorted())
    const verified = await amc(own, ["verify"])
    expect(verified.exit, verified.stdout + verified.stderr).toBe(0)
  },
)

test(
  "what an agent may ask is signed, and a lease can't widen it",
  { timeout: 120_000 },
  async () => {
    const bound = await amcJson(own, [
      "gateway",
      "bind-agent",
      "bound",
      "--provider",
      "slow",
      "--model",
      "gpt-5.4-mini",
      "--budget",
      "calls=1",
    ])
    expect(bound.data).toMatchObject({
      version: 2,
      gateway: { models: ["gpt-5.4-mini"], budgets: { day: { calls: 1 } } },
    })
    const gateway = await startGateway(own)
    const ask = async (model: string, ...words: string[]) => {
      const client = clientOf(gateway, (await issue("bound", ...words)).token)
      return client.chat.completions.create({ model, messages }).then(
        () => "answered",
        ({ code }: { code: string }) => code,
      )
    }
    expect(await ask("gpt-5.4-nano", "--model", "*")).toBe("gateway/policy")
    expect(await ask("gpt-5.4-mini")).toBe("answered")
    expect(await ask("gpt-5.4-mini")).toBe("gateway/budget")
    expect(await gateway.stop()).toBe(0)
    const again = await startGateway(own)
    const client = clientOf(again, (await issue("bound")).token)
    await expect(
      client.chat.completions.create({ model: "gpt-5.4-mini", messages }),
    ).rejects.toMatchObject({ code: "gateway/budget" })
    expect((await amc(own, ["vault", "lock"])).stdout).toMatch(/^locked the gateway\n/)
    await expect(client.models.list()).rejects.toMatchObject({
      status: 503,
      code: "gateway/locked",
    })
    expect(await again.stop()).toBe(0)
  },
)

test("G6: no lease and no key lies anywhere in what was recorded", () => {
  const files = readdirSync(own.dir, { recursive: true, encoding: "utf8" })
    .map((name) => join(own.dir, name))
    .filter((path) => statSync(path).isFile())
  expect(files.length).toBeGreaterThan(10)
  expect(tokens.length).toBeGreaterThan(4)
  for (const path of files) {
    const bytes = readFileSync(path)
    for (const secret of [...tokens, own.providerKey])
      expect(bytes.includes(secret), path).toBe(false)
  }
})
