import type { Observation, ProviderConfig, Recorded, Recorder } from "@amc/core"
import type { SessionTerms } from "./session-terms.ts"

export const exampleProvider: ProviderConfig = {
  id: "openai",
  kind: "compatible",
  upstream: "http://localhost",
  base_path: "",
  socket: null,
  auth: "bearer",
}

/** A session of `true` in a box; the caller says where it works. */
export function sessionTerms(change: Partial<SessionTerms> & { cwd: string }): SessionTerms {
  return {
    agent: "a1",
    limits: { max_calls: 5, max_seconds: 20, memory_mib: 256, pids: 64 },
    driver: "bubblewrap",
    image: null,
    network: "none",
    providers: [exampleProvider],
    command: ["true"],
    work: change.cwd,
    check: null,
    number: 1,
    environment: {},
    stdin: null,
    echo: {},
    signal: new AbortController().signal,
    ...change,
  }
}

/** A recorder that keeps what it is told, in order. */
export function listRecorder(): Recorder & { readonly observations: Observation[] } {
  const observations: Observation[] = []
  return {
    observations,
    record: async (observation): Promise<Recorded> => {
      const lseq = observations.push(observation) - 1
      return { event_hash: "00".repeat(32), lane: "main", lseq, aseq: lseq, ts: 1, receipt: null }
    },
  }
}
