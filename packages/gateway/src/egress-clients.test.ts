import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import type { AddressInfo, Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createServer, type Server } from "node:https"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { type EgressLab, makeCertificate, openEgressLab } from "./egress-lab.fixture.ts"

/** Real clients, real TLS: a server whose key was made for the test, behind the proxy. */
let folder = ""
let server: Server
let port = 0

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "amc-egress-tls-"))
  const pair = makeCertificate(folder)
  server = createServer({ ...pair, minVersion: "TLSv1.2" }, (request, response) => {
    response.setHeader("connection", "close")
    response.end(`${(request.socket as Socket & { getProtocol(): string }).getProtocol()} hello`)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  port = (server.address() as AddressInfo).port
})

function wordsOf(line: string): string[] {
  return line.split(/\s+/)
}

afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true })
})

async function lab(): Promise<EgressLab> {
  const own = await openEgressLab({
    allow: () => [`localhost:${port}`],
    names: { localhost: ["127.0.0.1"] },
  })
  onTestFinished(() => own.close())
  return own
}

/** Runs a client with the variables that agents get. */
function run(
  own: EgressLab,
  [command = "", ...words]: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly text: string; readonly exit: number | null }> {
  const proxy = `http://agent:${own.token}@127.0.0.1:${own.port}`
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    NODE_EXTRA_CA_CERTS: join(folder, "cert.pem"),
    SSL_CERT_FILE: join(folder, "cert.pem"),
    ...environment,
  }
  const child = spawn(command, words, { env, cwd: folder, stdio: ["ignore", "pipe", "pipe"] })
  let text = ""
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece: Buffer) => (text += piece.toString("utf8")))
  return new Promise((resolve) => child.once("close", (exit) => resolve({ text, exit })))
}

const curl = ["curl", "-sS", "--max-time", "20"]

test.each([
  { version: "TLSv1.2", words: ["--tls-max", "1.2"] },
  { version: "TLSv1.3", words: ["--tlsv1.3"] },
])("curl makes a $version handshake through the proxy (G3)", async ({ version, words }) => {
  const own = await lab()
  const { text } = await run(own, [
    ...curl,
    ...words,
    "--cacert",
    join(folder, "cert.pem"),
    `https://localhost:${port}/`,
  ])
  expect(text).toBe(`${version} hello`)
  await own.recorded("network_traffic", 1)
  expect(own.recorder.of("network_traffic")[0]?.facts).toMatchObject({
    measured: { connections: [{ completeness: "complete" }] },
    reported: { hellos: [{ server_name: "localhost" }] },
  })
  expect(own.moved()[0]?.bytes_received).toBeGreaterThan(500)
})

test("curl is told that a host is not allowed (claude-code #89165) (G3)", async () => {
  const own = await lab()
  const { text, exit } = await run(own, [...curl, `https://evil.test:${port}/`])
  expect([exit, text]).toEqual([56, expect.stringContaining("403")])
  await own.recorded("audit", 1)
})

test("curl that names another server inside the tunnel is cut off (gh-aw #62547) (G3)", async () => {
  const own = await lab()
  const { exit } = await run(own, [
    ...curl,
    "-k",
    "--connect-to",
    `other.test:${port}:localhost:${port}`,
    `https://other.test:${port}/`,
  ])
  expect(exit).not.toBe(0)
  await own.recorded("audit", 1)
  expect(own.recorder.of("audit")[0]?.facts.measured).toMatchObject({
    subject: "egress/server-name",
    detail: `localhost:${port}: the ClientHello names other.test`,
  })
})

test("openssl makes a handshake through the proxy, and none without a server name (G3)", async () => {
  const own = await lab()
  const words = wordsOf(`openssl s_client -brief -proxy 127.0.0.1:${own.port} -proxy_user agent
    -proxy_pass pass:${own.token} -connect localhost:${port}`)
  const named = await run(own, [...words, "-servername", "localhost"])
  expect(named.text).toContain("CONNECTION ESTABLISHED")
  const unnamed = await run(own, [...words, "-noservername"])
  expect(unnamed.text).toContain("access denied")
})

test("undici's and Node's own fetch go through the proxy (G3)", async () => {
  const own = await lab()
  const script = `
    import { EnvHttpProxyAgent, fetch as undiciFetch } from ${JSON.stringify(import.meta.resolve("undici"))}
    const url = "https://localhost:${port}/"
    console.log(await (await undiciFetch(url, { dispatcher: new EnvHttpProxyAgent() })).text())
    console.log(await (await fetch(url)).text())`
  const words = [process.execPath, "--input-type=module", "--eval", script]
  const { text } = await run(own, words, { NODE_USE_ENV_PROXY: "1" })
  expect(text).toBe("TLSv1.3 hello\nTLSv1.3 hello\n")
  expect(own.opened()).toHaveLength(2)
})

test("Python's urllib goes through the proxy (G3)", async () => {
  const own = await lab()
  const script = `import urllib.request; print(urllib.request.urlopen("https://localhost:${port}/").read())`
  const { text } = await run(own, ["python3", "-c", script])
  expect(text).toContain("hello")
})

test("git goes through the proxy, asked for its lease first (G3)", async () => {
  const own = await lab()
  const { text } = await run(
    own,
    [
      "git",
      "-c",
      `http.sslCAInfo=${join(folder, "cert.pem")}`,
      "ls-remote",
      `https://localhost:${port}/x.git`,
    ],
    { GIT_TERMINAL_PROMPT: "0" },
  )
  // What answers is no repository; that it answered is what counts.
  expect(text).not.toMatch(/proxy|407/i)
  expect(own.opened().length).toBeGreaterThan(0)
  expect(own.recorder.of("audit")).toEqual([])
})

test("npm goes through the proxy (G3)", async () => {
  const own = await lab()
  const registry = `--registry=https://localhost:${port}/`
  await run(own, ["npm", "view", "left-pad", registry, "--fetch-retries=0", "--loglevel=error"])
  expect(own.opened()[0]?.host).toBe("localhost")
})
