import { once } from "node:events"
import { amcJson, type Running, startAmc } from "./amc.ts"
import type { Place } from "./place.ts"

/** A gateway that stands, on a free port. */
export interface Standing extends Running {
  readonly url: string
  /** Ends it as Ctrl-C does. Gives its exit code. */
  stop(): Promise<number | null>
}

/** Starts `amc gateway start`, and waits until it listens. */
export async function startGateway(place: Place): Promise<Standing> {
  const running = startAmc(place, ["gateway", "start", "--listen", "127.0.0.1:0", "--json"])
  const [line] = (await Promise.race([
    once(running.child.stdout, "data"),
    running.ended.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ])) as [string]
  const stop = async (): Promise<number | null> => {
    running.child.kill("SIGTERM")
    return (await running.ended).exit
  }
  return { ...running, url: (JSON.parse(line) as { url: string }).url, stop }
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
