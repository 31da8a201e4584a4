import { createHash, randomBytes } from "node:crypto"
import { appendFileSync } from "node:fs"

const own = ["x-amc-request-id", "x-amc-request-receipt", "x-amc-receipt", "x-amc-monitor-pub-fpr"]
const kept = 1 << 20

/**
 * Wraps a `fetch`, so that each call through AMC's gateway leaves a span with its receipts in a trace file: one
 * OTLP/JSON object a line. Nothing secret is written, and nothing is verified: that is `amc`'s work.
 *
 *   new OpenAI({ fetch: tracedFetch({ file: "trace.jsonl" }) })
 */
export function tracedFetch({
  file,
  fetch: ask = fetch,
  write = (line) => appendFileSync(file, line),
}) {
  return async (url, init = {}) => {
    const started = Date.now()
    const response = await ask(url, init)
    const [id, requestReceipt, receipt, key] = own.map((name) => response.headers.get(name))
    if (id === null) return response
    const sent = bytesOf(init.body)
    const hash = createHash("sha256")
    const pieces = []
    let size = 0
    const finish = async () => {
      const both = receipt === null ? await receiptsOf(ask, url, init, id) : { response: receipt }
      const facts = factsIn(Buffer.concat(pieces).toString("utf8"))
      const attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": jsonIn(sent?.toString("utf8") ?? "")?.model,
        "gen_ai.response.model": facts.model,
        "gen_ai.usage.input_tokens": facts.input,
        "gen_ai.usage.output_tokens": facts.output,
        "http.response.status_code": response.status,
        "amc.request_id": id,
        "amc.monitor_pub_fpr": key,
        "amc.request_receipt": requestReceipt,
        "amc.receipt": both.response,
        "amc.request_body_sha256": sent && createHash("sha256").update(sent).digest("hex"),
        "amc.body_sha256": hash.digest("hex"),
      }
      write(`${JSON.stringify(spanOf(attributes, started, Date.now()))}\n`)
    }
    const take = new TransformStream({
      transform(piece, passed) {
        hash.update(piece)
        size += piece.length
        if (size <= kept) pieces.push(Buffer.from(piece))
        passed.enqueue(piece)
      },
      flush: finish,
    })
    if (response.body === null) await finish()
    const { status, statusText, headers } = response
    return new Response(response.body?.pipeThrough(take) ?? null, { status, statusText, headers })
  }
}

/** Asked for when the answer has ended; the gateway has recorded it by then. */
async function receiptsOf(ask, url, { headers }, id) {
  const answer = await ask(new URL(`/amc/receipts/${id}`, url), { headers })
  return answer.ok ? await answer.json() : { response: null }
}

function bytesOf(body) {
  if (typeof body === "string") return Buffer.from(body)
  return ArrayBuffer.isView(body)
    ? Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    : null
}

/** What an answer or its events report: model and usage, the last of each. */
function factsIn(text) {
  const events = [...text.matchAll(/^data: ?(\{.*\})\s*$/gm)].map(([, data]) => jsonIn(data))
  const all = events.length > 0 ? events : [jsonIn(text)]
  const facts = {}
  for (const each of all.map((event) => event?.response ?? event?.message ?? event)) {
    const { prompt_tokens, completion_tokens } = each?.usage ?? {}
    const { input_tokens = prompt_tokens, output_tokens = completion_tokens } = each?.usage ?? {}
    facts.model = each?.model ?? facts.model
    facts.input = input_tokens ?? facts.input
    facts.output = output_tokens ?? facts.output
  }
  return facts
}

function jsonIn(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function spanOf(attributes, startedMs, endedMs) {
  const list = Object.entries(attributes).filter(
    ([, value]) => value !== undefined && value !== null,
  )
  const span = {
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    name: "chat",
    kind: 3,
    startTimeUnixNano: `${startedMs}000000`,
    endTimeUnixNano: `${endedMs}000000`,
    attributes: list.map(([key, value]) => ({
      key,
      value: typeof value === "number" ? { intValue: `${value}` } : { stringValue: value },
    })),
  }
  return { resourceSpans: [{ scopeSpans: [{ scope: { name: "amc-trace" }, spans: [span] }] }] }
}
