import {
  type Channel,
  channelsByType,
  encodeCheckpoint,
  encodeEvent,
  type Event,
  eventHash,
  type EventPayload,
  type Facts,
  type FactType,
  fromHex,
  genesisHash,
  hashLeaf,
  MerkleAccumulator,
  sha256Hex,
  type Signer,
  signCommit,
  type SignedLeaf,
  signLeaf,
  signNote,
  systemAgent,
  utf8,
} from "@amc/core"
import { sampleProbe } from "@amc/testkit"
import { laneName, origin, startMs, type World } from "./world.fixture.ts"

export interface RecordedLeaf extends SignedLeaf {
  readonly event: Event
  readonly hash: string
}

export interface Place {
  readonly agent?: string
  readonly session?: string
  readonly channel?: Channel
  readonly payload?: EventPayload
  readonly afterMs?: number
  /** Overrides members of the body before it is signed: what a lying monitor would write. */
  readonly lie?: Partial<Event>
}

export const agent = "coder"

/** The same leaves, so many to a commit. */
export function signedTogether<L extends SignedLeaf>(
  leaves: readonly L[],
  signer: Signer,
  size: number,
): L[] {
  return Array.from({ length: Math.ceil(leaves.length / size) }, (_, at) =>
    leaves.slice(at * size, (at + 1) * size),
  ).flatMap((group) => {
    const signatures = signCommit(
      group.map(({ leaf }) => hashLeaf(leaf)),
      signer,
    )
    return group.map((each, index) => ({ ...each, signature: signatures[index] ?? "" }))
  })
}

/** Records events as a recorder would, in memory. */
export class LaneFixture {
  readonly leaves: RecordedLeaf[] = []
  /** The envelopes of config changes, by digest. */
  readonly changes = new Map<string, Uint8Array>()
  readonly world: World
  readonly #rootSha256: string
  readonly #lane: string
  signer: Signer

  constructor(world: World, lane: string = laneName) {
    this.world = world
    this.#rootSha256 = world.rootSha256
    this.#lane = lane
    this.signer = world.signers.monitor
  }

  record<T extends FactType>(
    type: T,
    measured: Facts<T>["measured"],
    place: Place = {},
    reported: Facts<T>["reported"] = {} as never,
  ): RecordedLeaf {
    const of = place.agent ?? agent
    const last = this.leaves.at(-1)
    const lastOf = this.leaves.findLast(({ event }) => event.agent === of)
    const lseq = this.leaves.length
    const event = {
      v: 1,
      type,
      channel: place.channel ?? channelsByType[type][0],
      lane: this.#lane,
      lseq,
      lprev: last?.hash ?? genesisHash(this.#lane, "", this.#rootSha256),
      id: `01980000-0000-7000-8000-${(lseq + 1).toString(16).padStart(12, "0")}`,
      ts: (last?.event.ts ?? startMs) + (place.afterMs ?? 10),
      agent: of,
      aseq: (lastOf?.event.aseq ?? -1) + 1,
      aprev: lastOf?.hash ?? genesisHash(this.#lane, of, this.#rootSha256),
      session: place.session ?? null,
      payload: place.payload ?? null,
      facts: { measured, reported },
      kid: this.signer.key.kid,
      ...place.lie,
    } as unknown as Event
    const signed = signLeaf(encodeEvent(event), this.signer)
    const recorded = { ...signed, event, hash: eventHash(signed.leaf) }
    this.leaves.push(recorded)
    return recorded
  }

  slice(of: string): readonly RecordedLeaf[] {
    return this.leaves.filter(({ event }) => event.agent === of)
  }

  /** The heads of the agent's and the system chain as they are now. */
  heads(): Facts<"run_opened">["measured"]["heads"] {
    return [agent, systemAgent].flatMap((of) => {
      const last = this.slice(of).at(-1)
      return last === undefined
        ? []
        : [{ lane: this.#lane, agent: of, aseq: last.event.aseq, event_hash: last.hash }]
    })
  }

  tree(size: number = this.leaves.length): MerkleAccumulator {
    const tree = new MerkleAccumulator()
    for (const { hash } of this.leaves.slice(0, size)) tree.append(fromHex(hash))
    return tree
  }

  checkpoint(signer: Signer, size: number = this.leaves.length): string {
    return signNote(
      encodeCheckpoint({ origin, size, root: this.tree(size).root() }),
      origin,
      signer,
    )
  }
}

const hex = (text: string): string => sha256Hex(utf8(text))

/** One whole session of a coding agent with two calls; in a box that was measured, one that passes. */
export function recordSession(
  lane: LaneFixture,
  session: string,
  isSealed = true,
  calls = 2,
  posture: "measured" | "shared" = "shared",
): void {
  const at = { session }
  const isMeasured = posture === "measured"
  const opened = lane.record(
    "session_open",
    {
      kind: "sandbox",
      driver: "bubblewrap",
      providers: [{ provider: "openai", upstream: "https://api.openai.com", loopback: false }],
      command_sha256: hex("command"),
      work_sha256: hex("work"),
      max_calls: 50,
      max_duration_ms: 600_000,
    },
    at,
  )
  if (isMeasured)
    lane.record(
      "sandbox_probe",
      structuredClone(sampleProbe) as Facts<"sandbox_probe">["measured"],
      at,
    )
  lane.record(
    "agent_process_started",
    { pid: 2, uid: 60_001, driver: "bubblewrap", command_sha256: hex("command") },
    at,
  )
  for (let call = 0; call < calls; call++) recordCall(lane, session, call)
  lane.record(
    "agent_process_exited",
    {
      exit_code: 0,
      signal: "",
      timed_out: false,
      duration_ms: 900,
      stdout_bytes: 0,
      stderr_bytes: 0,
    },
    at,
  )
  if (isMeasured)
    lane.record(
      "outcome",
      { check_sha256: hex("check"), exit_code: 0, timed_out: false, duration_ms: 9, passed: true },
      at,
    )
  if (!isSealed) return
  const events = lane.leaves.filter(({ event }) => event.session === session)
  const last = events.at(-1) ?? opened
  lane.record(
    "session_seal",
    {
      reason: "exited",
      posture,
      hardened: isMeasured,
      first_aseq: opened.event.aseq,
      last_aseq: last.event.aseq,
      events: events.length,
      last_event_hash: last.hash,
    },
    at,
  )
}

export function recordCall(lane: LaneFixture, session: string, call: number): void {
  const at: Place = { session, channel: "gateway:run-socket" }
  const call_id = `${session}-${call}`
  const body = (text: string): EventPayload => ({
    sha256: hex(`${text} ${call_id}`),
    size: 20,
    media: "application/json",
    blob_sha256: null,
  })
  const request = lane.record(
    "llm_request",
    {
      call_id,
      provider: "openai",
      upstream: "https://api.openai.com",
      method: "POST",
      body_bytes: 20,
      secrets_found: 0,
      facts_truncated: false,
    },
    { ...at, payload: body("request") },
    { path: "/v1/chat/completions", format: "openai.chat", model: "gpt", stream: false, tools: 0 },
  )
  lane.record(
    "llm_response",
    {
      call_id,
      request_event_hash: request.hash,
      status: 200,
      from_upstream: true,
      completeness: "complete",
      body_bytes: 20,
      first_byte_ms: 5,
      total_ms: 9,
      retry_after_ms: -1,
      facts_truncated: false,
    },
    { ...at, payload: body("response") },
    {
      model: "gpt",
      finish_reason: "stop",
      input_tokens: 9,
      output_tokens: 3,
      cache_read_tokens: -1,
      cache_write_tokens: -1,
      tool_calls: 0,
      tool_names: [],
    },
  )
}
