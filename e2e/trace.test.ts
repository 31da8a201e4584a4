import { readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, test } from "vitest"
import { loadKeyring } from "@amc/vault"
import { openReceipt } from "@amc/core"
import { clone, run } from "./testing/amc.ts"
import { eventsOf } from "./testing/evidence.ts"
import { issueLease, type Standing, startGateway } from "./testing/gateway.ts"
import { startUpstream, type Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const usage = { prompt_tokens: 11, completion_tokens: 7 }
const answer = JSON.stringify({ id: "c1", model: "m-2026", choices: [], usage })
const models = ["json", "gzip", "stream"]

let own: TestWorkspace
let upstream: Upstream
let gateway: Standing

beforeAll(async () => {
  own = await makeWorkspace()
  upstream = await startUpstream(({ body }, response) => {
    const { model } = JSON.parse(body.toString()) as { model: string }
    const type = model === "stream" ? "text/event-stream" : "application/json"
    if (model === "gzip") response.setHeader("content-encoding", "gzip")
    response.setHeader("content-type", type)
    if (model === "stream") response.end(`data: ${answer}\n\ndata: [DONE]\n\n`)
    else response.end(model === "gzip" ? gzipSync(answer) : answer)
  })
  await addProvider(own, "up", upstream)
  gateway = await startGateway(own)
}, 120_000)

afterAll(async () => {
  await gateway?.stop()
  await upstream?.close()
  await own?.close()
})

const scripts = {
  js: `import { tracedFetch } from ${JSON.stringify(join(clone, "examples/trace-js/amc-trace.mjs"))}
    const { LEASE, URL_OF, TRACE } = process.env
    const traced = tracedFetch({ file: TRACE })
    for (const model of ${JSON.stringify(models)}) {
      const body = JSON.stringify({ model, stream: model === "stream" })
      const headers = { authorization: "Bearer " + LEASE, "content-type": "application/json" }
      console.log((await (await traced(URL_OF, { method: "POST", headers, body })).text()).length)
    }`,
  python: `import os, sys
sys.path.insert(0, ${JSON.stringify(join(clone, "examples/trace-python"))})
sys.dont_write_bytecode = True
from amc_trace import Trace
trace = Trace(os.environ["TRACE"])
for model in ${JSON.stringify(models)}:
    body = {"model": model, "stream": model == "stream"}
    print(len(trace.post(os.environ["URL_OF"], os.environ["LEASE"], body)[1]))
`,
}

type Attributes = Readonly<Record<string, string>>

function attributesIn(path: string): Attributes[] {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n")
  return lines.map((line) => {
    const [span] = JSON.parse(line).resourceSpans[0].scopeSpans[0].spans
    const entries = span.attributes.map(
      ({ key, value }: { key: string; value: { stringValue?: string; intValue?: string } }) => [
        key,
        value.stringValue ?? value.intValue,
      ],
    )
    return Object.fromEntries(entries)
  })
}

test.each([
  { language: "js", words: ["node", "--input-type=module", "-e", scripts.js] },
  { language: "python", words: ["python3", "-c", scripts.python] },
])(
  "S7: the $language helper writes receipts whose digests are those of the events, for JSON, gzip and streams",
  { timeout: 60_000 },
  async ({ language, words }) => {
    const { token } = await issueLease(own, `trace-${language}`, "up")
    const trace = join(own.top, `${language}.jsonl`)
    const env = {
      ...own.env,
      LEASE: token,
      URL_OF: `${gateway.url}/up/v1/chat/completions`,
      TRACE: trace,
    }
    const ended = await run(words, { cwd: own.cwd, env })
    expect(ended.exit, ended.stderr).toBe(0)
    const streamed = answer.length + "data: \n\ndata: [DONE]\n\n".length
    expect(ended.stdout.trim().split("\n").map(Number)).toEqual([
      answer.length,
      answer.length,
      streamed,
    ])

    const spans = attributesIn(trace)
    expect(spans.map((span) => span["gen_ai.request.model"])).toEqual(models)
    const events = new Map((await eventsOf(own.dir)).map(({ hash, event }) => [hash, event]))
    const keys = loadKeyring(own.dir, own.root).keys("monitor")
    for (const span of spans) {
      expect(span).toMatchObject({
        "gen_ai.response.model": "m-2026",
        "gen_ai.usage.input_tokens": "11",
        "gen_ai.usage.output_tokens": "7",
        "http.response.status_code": "200",
      })
      const request = openReceipt(span["amc.request_receipt"] ?? "", keys)
      const response = openReceipt(span["amc.receipt"] ?? "", keys)
      expect(request.body_sha256).toBe(span["amc.request_body_sha256"])
      expect(response.body_sha256).toBe(span["amc.body_sha256"])
      expect(events.get(request.event_hash)?.payload?.sha256).toBe(span["amc.request_body_sha256"])
      expect(events.get(response.event_hash)?.payload?.sha256).toBe(span["amc.body_sha256"])
    }
    expect(readFileSync(trace, "utf8")).not.toContain(token)
  },
)

test(
  "S7: a gateway that was started anew has no receipts of before, and says so",
  { timeout: 60_000 },
  async () => {
    const before = await issueLease(own, "trace-late", "up")
    const ask = (path: string, token: string, body?: string) =>
      fetch(`${gateway.url}${path}`, {
        headers: { authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { method: "POST", body }),
      })
    const called = await ask("/up/v1/chat/completions", before.token, '{"model":"json"}')
    const place = `/amc/receipts/${called.headers.get("x-amc-request-id")}`
    expect((await ask(place, before.token)).status).toBe(200)
    await gateway.stop()
    gateway = await startGateway(own)
    const after = await issueLease(own, "trace-late", "up")
    expect(await (await ask(place, before.token)).json()).toMatchObject({
      code: "gateway/lease-unknown",
    })
    expect(await (await ask(place, after.token)).json()).toMatchObject({
      code: "gateway/unknown-receipt",
    })
  },
)
