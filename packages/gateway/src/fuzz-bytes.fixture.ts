import { type Dice, pick } from "@amc/testkit"
import { helloFor } from "./egress-lab.fixture.ts"
import { invokeStream } from "./event-stream.fixture.ts"

/** What parsers disagree about. */
const tokens = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  " ",
  "\t",
  "\0",
  ":",
  "ÿ",
  "0\r\n\r\n",
  "ffffffffffffffff\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding : chunked\r\n",
  "Transfer-Encoding: x, chunked\r\n",
  "Content-Length: 0\r\n",
  "Content-Length: +5\r\n",
  "Content-Length: 99999999999999999999\r\n",
  "Connection: x-api-key, close\r\n",
  "Expect: 100-continue\r\n",
  "Upgrade: websocket\r\nConnection: Upgrade\r\n",
  "GET /openai/smuggled HTTP/1.1\r\nhost: h\r\n\r\n",
  "{",
  "[",
  '"',
  "data: ",
  "event: x\n",
  "\\ud800",
  "1e999",
  "..%2f",
].map((token) => Buffer.from(token, "latin1"))

const edits: readonly ((bytes: Buffer, at: number, dice: Dice) => Buffer)[] = [
  (bytes, at, dice) => {
    const copy = Buffer.from(bytes)
    if (copy.length > 0) copy[at] = Math.floor(dice() * 256)
    return copy
  },
  (bytes, at, dice) =>
    Buffer.concat([bytes.subarray(0, at), pick(dice, tokens), bytes.subarray(at)]),
  (bytes, at, dice) =>
    Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + Math.floor(dice() * 40))]),
  (bytes, at, dice) => {
    const piece = bytes.subarray(at, at + 1 + Math.floor(dice() * 200))
    return Buffer.concat([bytes.subarray(0, at), piece, piece, bytes.subarray(at)])
  },
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at) => Buffer.concat([bytes, bytes.subarray(at)]),
]

/** The same bytes with none to four changes. */
export function mutated(bytes: Buffer, dice: Dice): Buffer {
  let changed = bytes
  for (let left = Math.floor(dice() * 5); left > 0; left--)
    changed = pick(dice, edits)(changed, Math.floor(dice() * changed.length), dice)
  return changed
}

const body = '{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}'

/** Requests with a good lease, in the forms that smuggling is made of. */
export function requestSeeds(lease: string): readonly Buffer[] {
  const head = (more: readonly string[], line = "POST /openai/v1/chat/completions HTTP/1.1") =>
    [line, "host: gateway", `authorization: Bearer ${lease}`, ...more, "", ""].join("\r\n")
  const sized = `content-length: ${body.length}`
  const chunked = "transfer-encoding: chunked"
  const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const inner = head([sized]) + body
  return [
    head([sized]) + body,
    head([chunked]) + chunk,
    head([], "GET /openai/v1/models HTTP/1.1"),
    head([sized]) + body + head([], "GET /openai/v1/models HTTP/1.1"),
    head([sized, chunked]) + chunk,
    head([chunked, sized]) + body,
    head([chunked, "transfer-encoding: identity"]) + chunk,
    head(["Transfer-Encoding:\tchunked"]) + chunk,
    head(["transfer-encoding: chunked\r\n folded"]) + chunk,
    head(["content-length: 4", sized]) + body,
    head([chunked, "trailer: x-api-key"]) +
      `${body.length.toString(16)};ext=1\r\n${body}\r\n0\r\nx-api-key: a\r\n\r\n`,
    head([`content-length: ${inner.length}`]) + inner,
    head([chunked]) + `0\r\n\r\n${inner}`,
    head(["upgrade: h2c", "connection: upgrade", sized]) + body,
    head([sized], "POST http://elsewhere.test/openai/x HTTP/1.1") + body,
    head([sized], "POST /openai/v1/../../x HTTP/1.0") + body,
    head(["expect: 100-continue", sized]) + body,
    head(["x".repeat(2000).replaceAll("x", "x-y: z\r\n").slice(0, -2)]),
  ].map((text) => Buffer.from(text, "latin1"))
}

/** Plain requests for the egress proxy, with the credentials of a CONNECT request's head. */
export function proxiedSeeds(connectHead: string, port: number): readonly Buffer[] {
  const credentials = /^proxy-authorization: .*$/im.exec(connectHead)?.[0] ?? ""
  const host = `host.test:${port}`
  const head = (line: string, ...more: readonly string[]): string =>
    [`${line} HTTP/1.1`, `Host: ${host}`, credentials, ...more, "", ""].join("\r\n")
  const post = `POST http://${host}/x?y`
  return [
    head(`GET http://${host}/`),
    head(post, `content-length: ${body.length}`) + body,
    head(post, "transfer-encoding: chunked") +
      `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    head(post, "transfer-encoding: chunked", "content-length: 4") + body,
    head(`GET http://${host}/`) + head(`GET http://evil.test/`),
    head(`GET http://${host}@evil.test/`),
    head(`GET http://evil.test/`),
    head(`HEAD http://${host}/`, "connection: upgrade", "upgrade: websocket"),
    head(`OPTIONS *`),
  ].map((text) => Buffer.from(text, "latin1"))
}

function chunkedAnswer(type: string, content: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`
  const size = `${content.length.toString(16)}\r\n`
  return Buffer.concat([Buffer.from(head + size), content, Buffer.from("\r\n0\r\n\r\n")])
}

function sizedAnswer(type: string, content: string): Buffer {
  const sized = `content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(content)}`
  return Buffer.from(`HTTP/1.1 200 OK\r\n${sized}\r\n\r\n${content}`)
}

const usage = '{"prompt_tokens":1,"completion_tokens":2}'
const messages = [
  '{"type":"message_start","message":{"model":"m","usage":{"input_tokens":3}}}',
  '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":"t"}}',
  '{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":5}}',
]
const sse = (datas: readonly string[]): Buffer =>
  Buffer.from(datas.map((data) => `event: x\ndata: ${data}\n\n`).join(""))

/** Answers as providers stream them. */
export const answerSeeds: readonly Buffer[] = [
  chunkedAnswer("text/event-stream", sse([`{"choices":[],"usage":${usage}}`, "[DONE]"])),
  chunkedAnswer("text/event-stream", sse(messages)),
  chunkedAnswer(
    "application/x-ndjson",
    Buffer.from('{"model":"m"}\n{"done":true,"eval_count":3}\n'),
  ),
  chunkedAnswer("application/json", Buffer.from('[{"usageMetadata":{"promptTokenCount":2}},{}]')),
  chunkedAnswer(
    "application/vnd.amazon.eventstream",
    invokeStream({ type: "message_start", message: { model: "m" } }, { type: "message_stop" }),
  ),
  sizedAnswer("application/json", `{"model":"m","usage":${usage},"choices":[]}`),
  sizedAnswer("application/json", "[".repeat(3000)),
  sizedAnswer("text/event-stream", "data: ".repeat(3000)),
  Buffer.from("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
  Buffer.from(
    "HTTP/1.1 301 Moved\r\nlocation: http://elsewhere.test/\r\ncontent-length: 0\r\n\r\n",
  ),
  Buffer.from("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
]

export const helloSeeds: readonly Buffer[] = [
  helloFor("host.test"),
  helloFor("evil.test"),
  helloFor(null),
  helloFor("host.test", { pad: 4000 }),
  Buffer.from("GET / HTTP/1.1\r\nhost: host.test\r\n\r\n"),
]
