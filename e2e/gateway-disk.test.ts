import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import type { ServerResponse } from "node:http"
import { createInterface } from "node:readline"
import { expect, onTestFinished, test } from "vitest"
import { program } from "./testing/amc.ts"
import { makePlace } from "./testing/place.ts"
import { startUpstream, type Upstream } from "./testing/upstream.ts"

/** Starts a gateway in the folder that it runs in, then does what comes in line by line. */
const script = `
amc() { '${process.execPath}' '${program}' "$@"; }
amc init >&2 && amc provider add p --upstream "$1" >&2
'${process.execPath}' '${program}' gateway start --listen 127.0.0.1:0 --json & gateway=$!
while read -r line; do eval "$line"; echo "exit $?"; done
kill -9 $gateway 2>&-`

/** A gateway on a disk of a few megabytes, and a shell there. */
class SmallDisk {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(origin: string) {
    const { cwd, env, remove } = makePlace()
    const disk = ["--dev-bind", "/", "/", "--size", "6000000", "--tmpfs", cwd, "--chdir", cwd]
    const words = [...disk, "bash", "-c", script, "bash", origin]
    this.#child = spawn("bwrap", words, { cwd, env, stdio: ["pipe", "pipe", "inherit"] })
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
    const ended = once(this.#child, "exit")
    onTestFinished(async () => {
      this.#child.stdin?.end()
      await ended
      remove()
    })
  }

  async next(): Promise<string> {
    return (await this.#lines.next()).value ?? ""
  }

  /** What a command prints, its exit code last. */
  async run(command: string): Promise<readonly string[]> {
    this.#child.stdin?.write(`${command}\n`)
    for (const said: string[] = []; ;) {
      const line = await this.next()
      said.push(line)
      if (line.startsWith("exit ") || line === "") return said
    }
  }
}

async function startProvider(answer: (target: string, response: ServerResponse) => void) {
  const upstream: Upstream = await startUpstream(({ target }, response) => answer(target, response))
  onTestFinished(() => upstream.close())
  return upstream
}

test(
  "on a full disk no byte reaches the provider and no stream comes to its end, and calls go on when there is room (G1)",
  { timeout: 120_000 },
  async () => {
    const begun: ServerResponse[] = []
    const upstream = await startProvider((target, response) => {
      if (!target.endsWith("/stream")) return void response.end('{"id":"c1"}')
      begun.push(response.writeHead(200, { "content-type": "text/event-stream" }))
      response.write("data: 1\n\n")
    })
    const disk = new SmallDisk(upstream.origin)
    const { url } = JSON.parse(await disk.next()) as { url: string }
    const [issued = ""] = await disk.run("amc lease issue --agent a --provider p --json")
    const { data } = JSON.parse(issued) as { data: { token: string } }
    const ask = (size: number, path = "x"): Promise<Response> =>
      fetch(`${url}/p/v1/${path}`, {
        method: "POST",
        headers: { "x-api-key": data.token },
        body: "x".repeat(size),
      })
    const statuses = async (): Promise<ReadonlySet<number>> => {
      const all = Array.from({ length: 24 }, (_none, n) => ask([10, 1000, 70_000, 400_000][n % 4]!))
      const seen = (await Promise.all(all)).map(async (answer) => {
        await answer.arrayBuffer()
        return answer.status
      })
      return new Set(await Promise.all(seen))
    }
    const stream = await ask(10, "stream")
    await disk.run("cat /dev/zero >fill 2>&-")
    expect([...(await statuses())]).toEqual([503])
    expect([...(await statuses())]).toEqual([503])
    expect(upstream.arrived).toHaveLength(1)
    begun[0]?.end("data: [DONE]\n\n")
    await expect(stream.text()).rejects.toThrow()

    await disk.run("rm fill")
    expect([...(await statuses())]).toEqual([200])
    expect(upstream.arrived).toHaveLength(25)
    expect(await disk.run("ls .amc/spool")).toEqual(["exit 0"])
    const open = { agent: "a", requests: 25, responses: 24, open: 1 }
    const [counted = ""] = await disk.run("amc gateway reconcile --json")
    expect(JSON.parse(counted)).toMatchObject({ data: { balanced: true, agents: [open] } })
    expect(await disk.run("kill $gateway; wait $gateway")).toEqual(["exit 0"])
    const [closed = ""] = await disk.run("amc gateway reconcile --json")
    const counts = { balanced: true, agents: [{ ...open, responses: 25, open: 0 }], unmatched: [] }
    expect(JSON.parse(closed)).toMatchObject({ data: counts })
    expect((await disk.run("amc verify --json")).at(-1)).toBe("exit 0")
  },
)
