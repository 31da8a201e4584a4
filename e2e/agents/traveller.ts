import { spawnSync } from "node:child_process"
import { connect } from "node:net"
import { callModel } from "./model-call.ts"

/**
 * Calls its model, then tries to get out: `node traveller.ts <port> [wait]`, where a TLS server listens at
 * localhost. Says what came of each way as one line of JSON; told to wait, it leaves a tunnel open.
 */
const [port = "443", wait] = process.argv.slice(2)
const came: Record<string, string> = {}

async function note(name: string, way: () => string | Promise<string>): Promise<void> {
  try {
    came[name] = (await way()).trim().slice(0, 200)
  } catch (error) {
    const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException }
    came[name] = `failed: ${cause?.message ?? message}`
  }
}

async function fetched(url: string): Promise<string> {
  const answer = await fetch(url)
  return `${answer.status} ${await answer.text()}`
}

function curl(...words: readonly string[]): string {
  const ran = spawnSync("curl", ["-sSk", "--max-time", "20", ...words], { encoding: "utf8" })
  return ran.status === 0 ? ran.stdout : `failed: ${ran.stderr}`
}

/** Straight to an address of the internet, as if there were no proxy. */
function direct(host: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 443, timeout: 2000 })
    const end = (text: string) => () => {
      socket.destroy()
      resolve(text)
    }
    socket.once("connect", end("connected")).once("timeout", end("failed: timeout"))
    socket.once("error", (error: NodeJS.ErrnoException) => end(`failed: ${error.code}`)())
  })
}

await callModel([{ role: "user", content: "may I go out?" }])
process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0"
await note("allowed", () => fetched(`https://localhost:${port}/`))
await note("curl", () => curl(`https://localhost:${port}/`))
await note("blocked", () => fetched("https://evil.example/"))
await note("plain", () => curl("http://evil.example/"))
await note("metadata", () => curl("http://169.254.169.254/latest/meta-data/"))
await note("fronted", () =>
  curl("--connect-to", `other.test:${port}:localhost:${port}`, `https://other.test:${port}/`),
)
await note("direct", () => direct("192.0.2.1"))
process.stdout.write(`${JSON.stringify(came)}\n`)

if (wait !== undefined) {
  const proxy = new URL(process.env["HTTPS_PROXY"] ?? "")
  const socket = connect(Number(proxy.port), proxy.hostname)
  const lease = Buffer.from(`${proxy.username}:${proxy.password}`).toString("base64")
  socket.write(`CONNECT localhost:${port} HTTP/1.1\r\nHost: localhost:${port}\r\n`)
  socket.write(`Proxy-Authorization: Basic ${lease}\r\n\r\n`)
  socket.once("data", (answer) => process.stdout.write(`waiting ${String(answer).slice(9, 12)}\n`))
  setTimeout(() => socket.destroy(), 120_000)
}
