import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer } from "node:net"
import { serve } from "./pinned-process.ts"
import { portkeyProgram } from "./portkey-install.ts"

/** Portkey's gateway as it is published, on the core that this process is on, bound to loopback. */
const { upstreamPort } = JSON.parse(process.argv[2] ?? "") as { upstreamPort: number }
const preload = new URL("../portkey/loopback.cjs", import.meta.url).pathname
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, "close")
  return port
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
    if (isUp) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error("it does not listen")
}

const port = await freePort()
const argv = ["--require", preload, portkeyProgram, "--headless", `--port=${port}`]
const child = spawn(process.execPath, argv, {
  stdio: ["ignore", "ignore", "inherit"],
  env: { PATH: process.env["PATH"], NODE_ENV: "production" },
})
process.once("exit", () => child.kill("SIGKILL"))
await answers(port, child)

/** Of its process, in ticks of 10 ms and pages of 4 KB, as Linux counts them. */
function usage(): { cpuMicros: number; rssBytes: number; events: number } {
  const text = readFileSync(`/proc/${child.pid}/stat`, "utf8")
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  const ticks = Number(fields[11]) + Number(fields[12])
  return { cpuMicros: ticks * 10_000, rssBytes: Number(fields[21]) * 4096, events: 0 }
}

serve({ port, token: "sk-dummy", upstreamPort }, usage, () => {
  child.kill("SIGKILL")
})
