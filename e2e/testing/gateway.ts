import { once } from "node:events"
import { amcJson, type Running, startAmc } from "./amc.ts"
import type { Place } from "./place.ts"

/** A gateway that stands, on a free port. */
export interface Standing extends Running {
  readonly url: string
  /** Of its egress proxy, on a free port too; null where nothing is allowed. */
  readonly egressUrl: string | null
  /** Ends it as Ctrl-C does. Gives its exit code. */
  stop(): Promise<number | null>
}

/** Starts `amc gateway start`, and waits until it listens. */
export async function startGateway(place: Place): Promise<Standing> {
  const ports = ["--listen", "127.0.0.1:0", "--egress-port", "0"]
  const running = startAmc(place, ["gateway", "start", ...ports, "--json"])
  const [line] = (await Promise.race([
    once(running.child.stdout, "data"),
    running.ended.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ])) as [string]
  const stop = async (): Promise<number | null> => {
    running.child.kill("SIGTERM")
    return (await running.ended).exit
  }
  const { url, egress_url: egressUrl } = JSON.parse(line) as {
    readonly url: string
    readonly egress_url: string | null
  }
  return { ...running, url, egressUrl, stop }
}

/** A lease of the gateway that stands. */
export async function issueLease(
  place: Place,
  agent: string,
  provider: string,
  words: readonly string[] = [],
): Promise<{ readonly token: string; readonly id: string }> {
  const asked = ["lease", "issue", "--agent", agent, "--provider", provider, ...words]
  const { data, exit, stderr } = await amcJson(place, asked)
  if (exit !== 0) throw new Error(stderr)
  return data
}
