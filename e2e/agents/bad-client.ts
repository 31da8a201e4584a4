import { readFileSync } from "node:fs"
import { baseUrl, lease } from "./model-call.ts"

/** Sends what no SDK would; says status and code of each answer, and how much memory the monitor took. */
const [deed = "", otherLease = ""] = process.argv.slice(2)
const url = `${baseUrl}/chat/completions`
const { origin } = new URL(baseUrl)
const good = { authorization: `Bearer ${lease}`, "content-type": "application/json" }
const message = JSON.stringify({ model: "m", messages: [{ role: "user", content: "hello" }] })

async function tell(path: string, init: RequestInit): Promise<string> {
  try {
    const answer = await fetch(path, { method: "POST", duplex: "half", ...init } as RequestInit)
    const text = await answer.text()
    return `${answer.status} ${/"code":"([^"]+)"/.exec(text)?.[1] ?? text.slice(0, 40)}`
  } catch (error) {
    return `failed ${String((error as Error).cause ?? error)}`
  }
}

function large(bytes: number): ReadableStream<Uint8Array> {
  const piece = new Uint8Array(1 << 20).fill(0x61)
  let left = bytes
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close()
      controller.enqueue(piece.subarray(0, Math.min(left, piece.length)))
      left -= piece.length
    },
  })
}

/** The most memory that the process which started us ever had, in MiB. */
function monitorPeakMib(): number {
  const status = readFileSync(`/proc/${process.ppid}/status`, "utf8")
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024)
}

async function leaveEarly(): Promise<string> {
  const abort = new AbortController()
  const answer = await fetch(url, {
    method: "POST",
    headers: good,
    body: message,
    signal: abort.signal,
  })
  const { value } = await answer.body!.getReader().read()
  abort.abort()
  return `${answer.status} ${new TextDecoder().decode(value)}`
}

async function all(): Promise<object> {
  const said = {
    brokenJson: await tell(url, { headers: good, body: '{"model": "m", "messages": [' }),
    unknownRoute: await tell(`${origin}/nowhere/v1/chat/completions`, {
      headers: good,
      body: message,
    }),
    noLease: await tell(url, { headers: { "content-type": "application/json" }, body: message }),
    otherLease: await tell(url, {
      headers: { ...good, authorization: `Bearer ${otherLease}` },
      body: message,
    }),
  }
  const before = monitorPeakMib()
  const size = 200 << 20
  const large200 = await tell(url, { headers: good, body: large(size) })
  const announced200 = await tell(url, {
    headers: { ...good, "content-length": `${size}` },
    body: large(size),
  })
  return {
    ...said,
    large200,
    announced200,
    grownMib: monitorPeakMib() - before,
    after: await tell(url, { headers: good, body: message }),
  }
}

const deeds: Readonly<Record<string, () => Promise<unknown>>> = {
  all,
  call: async () => ({ called: await tell(url, { headers: good, body: message }), lease }),
  twice: async () => [
    await tell(url, { headers: good, body: message }),
    await tell(url, { headers: good, body: message }),
  ],
  leave: async () => ({ left: await leaveEarly() }),
  wait: async () => ({ called: await tell(url, { headers: good, body: message }) }),
}
console.log(JSON.stringify(await deeds[deed]?.()))
