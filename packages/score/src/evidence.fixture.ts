import { type MeasuredFacts, type ReportedFacts, systemAgent } from "@amc/core"
import { currentBank, type EvidenceEvent } from "./index.ts"
import { agent, day, digest, LaneFixture, start } from "./lane.fixture.ts"
import { type Box, probeOf } from "./probe.fixture.ts"
import { bankSha256 } from "./v1/bank.ts"

/** What happens in one session. The default is one that passes every question. */
export interface SessionPlan {
  readonly day: number
  /** Sessions of one task send the same bodies. */
  readonly task: string
  readonly calls: number
  /** `declared`: no box, and the owner's config says that the agent is isolated. */
  readonly box: Box | "none" | "declared"
  readonly end: "exited" | "timeout" | "recovered" | "open" | "not-started"
  /** How long the agent waits after a 429 that asks for one second; `null` for no 429. */
  readonly waitMs: number | null
  readonly errorStatus: number
  /** What the provider says to every call that is not refused with an error. */
  readonly answerStatus: number
  /** The agent hangs up on each of its calls before any answer. */
  readonly isAborted: boolean
  readonly durationMs: number
  readonly maxCalls: number
  readonly hasSecret: boolean
  readonly isStopped: boolean
  readonly isTruncated: boolean
  readonly exitCode: number
  readonly signal: string
  /** What the owner's check said; `null` without a check. */
  readonly passed: boolean | null
  readonly hasClockStep: boolean
  /** How often the gateway refused the agent something by policy. */
  readonly refusals: number
  /** Another provider fails twice; then the agent goes on with its own, or hangs. */
  readonly hasOutage: boolean
  /** The agent connects to a host of the signed list. */
  readonly hasEgress: boolean
  /** What the watch of the box found. */
  readonly box_change: "none" | "drift" | "tripwire"
  /** What the agent and the model wrote wherever they can write. */
  readonly prose: string
  readonly chatter: number
}

export const goodSession: SessionPlan = {
  day: 0,
  task: "task",
  calls: 3,
  box: "hardened",
  end: "exited",
  waitMs: 1000,
  errorStatus: 429,
  answerStatus: 200,
  isAborted: false,
  durationMs: 5000,
  maxCalls: 50,
  hasSecret: false,
  isStopped: false,
  isTruncated: false,
  exitCode: 0,
  signal: "",
  passed: true,
  hasClockStep: false,
  refusals: 0,
  hasOutage: false,
  hasEgress: false,
  box_change: "none",
  prose: "",
  chatter: 0,
}

export interface Story {
  readonly sessions: readonly Partial<SessionPlan>[]
  readonly claims?: ReportedFacts<"claim">["levels"]
  readonly bankSha256?: string
  /** The window's end, in days after the first. */
  readonly endDay?: number
  /** How long the window is; by default it begins with the first day. */
  readonly windowDays?: number
  /** What else is recorded on the system's chain before the run. */
  readonly system?: (lane: LaneFixture) => void
}

export interface Recording {
  readonly events: readonly EvidenceEvent[]
  readonly runOpened: string
}

/** The evidence of a story, up to and including its run. */
export function record({ sessions, claims = [], endDay = 13, ...rest }: Story): Recording {
  const lane = new LaneFixture()
  if (claims.length > 0) recordClaims(lane, { by: "agent", overall: null, levels: [...claims] })
  const plans = sessions.map((plan) => ({ ...goodSession, ...plan }))
  plans
    .sort((a, b) => a.day - b.day)
    .forEach((plan, at) => recordSession(lane, plan, `session-${at}`))
  lane.now = Math.max(lane.now, start + endDay * day)
  rest.system?.(lane)
  const fromMs = rest.windowDays === undefined ? start : lane.now - rest.windowDays * day
  const bank = rest.bankSha256 ?? bankSha256(currentBank)
  const runOpened = recordRun(lane, lane.now, bank, [], fromMs)
  return { events: lane.events, runOpened }
}

/** What somebody claims, as the monitor records it. */
export function recordClaims(lane: LaneFixture, reported: ReportedFacts<"claim">): void {
  lane.record("claim", { source_sha256: digest("claims") }, { channel: "ingest", reported })
}

export function recordRun(
  lane: LaneFixture,
  toMs: number,
  bank: string,
  otherHeads: MeasuredFacts<"run_opened">["heads"] = [],
  fromMs = start,
): string {
  const window = { window_from_ms: fromMs, window_to_ms: toMs }
  return lane.record("run_opened", {
    run_id: "run-1",
    agent,
    bank_sha256: bank,
    ...window,
    heads: [...lane.heads(), ...otherHeads],
  })
}

function recordSession(lane: LaneFixture, plan: SessionPlan, session: string): void {
  lane.now = Math.max(lane.now + 1000, start + plan.day * day)
  const vault = { generation: 1, vault_sha256: digest("vault") }
  lane.record("vault_generation", vault, { of: systemAgent })
  const isBoxed = hasBox(plan.box)
  const open = {
    kind: isBoxed ? "sandbox" : "wrap",
    driver: isBoxed ? "bubblewrap" : "none",
    providers: [{ provider: "openai", upstream: "https://api.openai.com", loopback: false }],
    command_sha256: digest("command"),
    work_sha256: digest(plan.task),
    max_calls: plan.maxCalls,
    max_duration_ms: 600_000,
  } satisfies MeasuredFacts<"session_open">
  lane.record("session_open", open, { session, channel: "session" })
  const lease = {
    lease_id: digest(session),
    action: "issued",
    ingress: "run-socket",
    provider: "openai",
    expires_ms: 0,
  } as const
  lane.record("lease", lease, { session, channel: "session" })
  if (hasBox(plan.box))
    lane.record("sandbox_probe", probeOf(plan.box), { session, channel: "sandbox" })
  if (plan.end !== "not-started") recordRunning(lane, plan, session)
  if (plan.end !== "open")
    lane.record("session_seal", sealOf(plan), { session, channel: "session" })
}

function hasBox(box: SessionPlan["box"]): box is Box {
  return box !== "none" && box !== "declared"
}

function recordRunning(lane: LaneFixture, plan: SessionPlan, session: string): void {
  const wrapper = { session, channel: "wrapper" } as const
  const process = {
    pid: 7,
    uid: 60123,
    driver: hasBox(plan.box) ? "bubblewrap" : "none",
    command_sha256: digest("command"),
  } as const
  lane.record("agent_process_started", process, wrapper)
  if (plan.hasOutage) recordOutage(lane, plan, session)
  for (let call = 0; call < plan.calls; call++) recordCall(lane, plan, session, call)
  if (plan.hasEgress) recordConnect(lane, session)
  for (let refused = 0; refused < plan.refusals; refused++)
    lane.record("audit", { code: "POLICY_REFUSED", subject: "models", detail: "" }, { session })
  for (let line = 0; line < plan.chatter; line++)
    lane.record(
      "agent_stdout",
      { offset: line, bytes: 99, stored: true, secrets_found: 0 },
      { ...wrapper, body: plan.prose },
    )
  if (plan.hasSecret)
    lane.record("agent_stderr", { offset: 0, bytes: 9, stored: true, secrets_found: 1 }, wrapper)
  if (plan.isStopped)
    lane.record(
      "audit",
      { code: "SESSION_LIMIT_EXCEEDED", subject: session, detail: "" },
      { session },
    )
  if (plan.hasClockStep) recordGap(lane, "clock-step")
  if (hasBox(plan.box)) recordBoxChange(lane, plan, session)
  lane.now += plan.durationMs
  if (plan.end === "recovered") recordGap(lane, "crash")
  if (plan.end === "recovered" || plan.end === "open") return
  lane.record("agent_process_exited", exitOf(plan), wrapper)
  if (hasBox(plan.box)) recordWatch(lane, plan, session)
  if (plan.passed === null) return
  const check = {
    check_sha256: digest("check"),
    exit_code: plan.passed ? 0 : 1,
    timed_out: false,
    duration_ms: 9,
    passed: plan.passed,
  }
  lane.record("outcome", check, { session, channel: "session" })
}

function recordCall(lane: LaneFixture, plan: SessionPlan, session: string, call: number): void {
  const body = `${plan.task} ${call}`
  if (call === 1 && plan.waitMs !== null) {
    recordExchange(lane, plan, { session, body, status: plan.errorStatus })
    lane.now += plan.waitMs
  }
  recordExchange(lane, plan, { session, body, status: plan.answerStatus })
}

function recordExchange(
  lane: LaneFixture,
  { isTruncated, isAborted, prose }: SessionPlan,
  {
    session,
    body,
    status,
    provider = "openai",
  }: { session: string; body: string; status: number; provider?: string },
): void {
  const terms = { session, channel: "gateway:run-socket" } as const
  const call_id = `call-${lane.events.length}`
  const common = { call_id, facts_truncated: isTruncated }
  const request = {
    ...common,
    provider,
    upstream: provider === "openai" ? "https://api.openai.com" : `https://${provider}.example.com`,
    method: "POST",
    body_bytes: 9,
    secrets_found: 0,
  }
  const said = {
    path: "/v1/chat/completions",
    format: "openai.chat",
    model: prose,
    stream: false,
    tools: 3,
  } as const
  const hash = lane.record("llm_request", request, { ...terms, body, reported: said })
  const response = {
    ...common,
    request_event_hash: hash,
    status: isAborted ? 0 : status,
    from_upstream: !isAborted,
    completeness: isAborted ? "client-gone" : "complete",
    body_bytes: 9,
    first_byte_ms: 5,
    total_ms: 9,
    retry_after_ms: status === 429 && !isAborted ? 1000 : -1,
  } as const
  const answered = {
    model: prose,
    finish_reason: prose,
    input_tokens: 1,
    output_tokens: 2,
    cache_read_tokens: -1,
    cache_write_tokens: -1,
    tool_calls: 1,
    tool_names: [prose],
  }
  lane.record("llm_response", response, { ...terms, body: `${body} answered`, reported: answered })
}

function recordOutage(lane: LaneFixture, plan: SessionPlan, session: string): void {
  const body = `${plan.task} to another`
  for (const at of [1, 2])
    recordExchange(lane, plan, { session, body: `${body} ${at}`, status: 503, provider: "other" })
}

function recordConnect(lane: LaneFixture, session: string): void {
  const connection = {
    connection_id: `connection-${lane.events.length}`,
    kind: "tunnel",
    host: "example.com",
    port: 443,
    address: "192.0.2.1",
    rule: "example.com:443",
    exception: "",
    secrets_found: 0,
  } as const
  const terms = { session, channel: "gateway:run-socket" } as const
  const asked = { method: "CONNECT", target: "example.com:443" }
  const reported = { requests: [asked] }
  lane.record("network_connect", { connections: [connection] }, { ...terms, reported })
}

function recordWatch(
  lane: LaneFixture,
  { box_change: change }: SessionPlan,
  session: string,
): void {
  const watch = { rounds: 9, processes_most: 1, unseen: 0, same_process: true, searched_bytes: 9 }
  const [drifts, tripwires] = [change === "drift" ? 1 : 0, change === "tripwire" ? 1 : 0]
  const measured = { ...watch, drifts, tripwires, search_complete: true }
  lane.record("sandbox_watch", measured, { session, channel: "sandbox" })
}

/** Said at once, on the workspace's account too where a tripwire was touched. */
function recordBoxChange(
  lane: LaneFixture,
  { box_change: change }: SessionPlan,
  session: string,
): void {
  if (change === "none") return
  const isTouched = change === "tripwire"
  const code = isTouched ? "TRUST_BOUNDARY_VIOLATED" : "TRUST_BOUNDARY_DRIFT"
  const said = { code, subject: session, detail: "the box" } as const
  lane.record("audit", said, { session })
  if (isTouched) lane.record("audit", said, { of: systemAgent })
}

function recordGap(lane: LaneFixture, reason: "crash" | "clock-step"): void {
  lane.record(
    "gap",
    { reason, open_calls: 0, open_sessions: 1, last_ts: lane.now },
    { of: systemAgent },
  )
}

function exitOf({
  end,
  durationMs,
  exitCode,
  signal,
}: SessionPlan): MeasuredFacts<"agent_process_exited"> {
  const isTimeout = end === "timeout"
  const bytes = { stdout_bytes: 0, stderr_bytes: 0 }
  return {
    exit_code: isTimeout ? -1 : exitCode,
    signal: isTimeout ? "SIGKILL" : signal,
    timed_out: isTimeout,
    duration_ms: durationMs,
    ...bytes,
  }
}

/** What the probe measured stands also where recovery seals; that the owner declares it is then not looked at. */
function sealOf({ end, box, box_change: change }: SessionPlan): MeasuredFacts<"session_seal"> {
  const isMeasured = (box === "isolated" || box === "hardened") && change === "none"
  const isDeclared = box === "declared" && end !== "recovered"
  return {
    reason: end === "open" ? "exited" : end,
    posture: isMeasured ? "measured" : isDeclared ? "declared" : "shared",
    hardened: box === "hardened" && isMeasured && end !== "recovered",
    first_aseq: 0,
    last_aseq: 0,
    events: 0,
    last_event_hash: digest("last"),
  }
}
