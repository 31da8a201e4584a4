import type { GatePolicy } from "@amc/core"
import type { Report } from "../v1/report.ts"
import type { GateCheck, JudgedRun } from "./gate-evidence.ts"
import { check } from "./rule-check.ts"

const labels: readonly Report["trust_label"][] = ["UNRELIABLE", "LOW TRUST", "HIGH TRUST"]
const postures: readonly Report["posture"][] = ["shared", "declared", "measured"]

/** What a policy asks of the evidence itself. */
export function trustChecks(policy: GatePolicy, run: JudgedRun): readonly GateCheck[] {
  return [
    statusCheck(run),
    labelCheck(policy, run),
    upstreamCheck(policy, run),
    ...agentChecks(policy, run),
    ...postureChecks(policy, run),
    ...integrityChecks(policy, run),
    ...witnessChecks(policy, run),
  ]
}

function statusCheck({ report }: JudgedRun): GateCheck {
  return check("status", {
    subject: "report",
    value: report.status,
    bound: "VALID",
    passed: report.status === "VALID",
    next: report.status_reasons[0] ?? "see the report for what the evidence lacks",
  })
}

/** UNRELIABLE is below anything that a policy can ask for. */
function labelCheck({ denyIfLowTrust, minTrustLabel }: GatePolicy, run: JudgedRun): GateCheck {
  const bound = denyIfLowTrust ? "HIGH TRUST" : (minTrustLabel ?? "LOW TRUST")
  return check("trust-label", {
    subject: "report",
    value: run.label,
    bound: bound === "HIGH TRUST" ? bound : `${bound} or better`,
    passed: labels.indexOf(run.label) >= labels.indexOf(bound),
    next:
      bound === "HIGH TRUST"
        ? "have the ledger cosigned each day by the witnesses of the policy, and measure again"
        : "see the report's integrity facts for what weakens the evidence",
  })
}

/** Without any upstream nothing says where the answers came from. */
function upstreamCheck({ allowLoopbackUpstreams }: GatePolicy, { report }: JudgedRun): GateCheck {
  const local = report.upstreams.filter(({ loopback }) => loopback)
  const named = report.upstreams.map(({ provider, upstream }) => `${provider} at ${upstream}`)
  return check("upstream", {
    subject: "model providers",
    value: named.length === 0 ? "none" : named.join(", "),
    bound: allowLoopbackUpstreams === true ? "at least one" : "at least one, none on loopback",
    passed: named.length > 0 && (allowLoopbackUpstreams === true || local.length === 0),
    next: "measure the agent with the model provider that it is released with",
  })
}

function agentChecks({ agents }: GatePolicy, { report }: JudgedRun): readonly GateCheck[] {
  if (agents === undefined) return []
  const found = check("agent", {
    subject: "agent",
    value: report.agent,
    bound: `one of ${agents.join(", ")}`,
    passed: agents.includes(report.agent),
    next: "give the bundle of the agent that is released",
  })
  return [found]
}

function postureChecks(
  { requirePosture }: GatePolicy,
  { report }: JudgedRun,
): readonly GateCheck[] {
  if (requirePosture === undefined) return []
  const found = check("posture", {
    subject: "sandbox",
    value: report.posture,
    bound: requirePosture === "measured" ? requirePosture : `${requirePosture} or better`,
    passed: postures.indexOf(report.posture) >= postures.indexOf(requirePosture),
    next: "run every session with 'amc score' or 'amc sandbox run', whose probe measures the box",
  })
  return [found]
}

function integrityChecks({ minIntegrityIndex }: GatePolicy, run: JudgedRun): readonly GateCheck[] {
  if (minIntegrityIndex === undefined) return []
  const { integrity_index: index } = run.report
  const found = check("integrity-index", {
    subject: "report",
    value: String(index),
    bound: `at least ${minIntegrityIndex}`,
    passed: index >= minIntegrityIndex,
    next: "see 'amc run report' for the integrity facts that cost points",
  })
  return [found]
}

function witnessChecks({ witnessPolicy }: GatePolicy, { quorum }: JudgedRun): readonly GateCheck[] {
  if (witnessPolicy === undefined) return []
  const found = check("witnesses", {
    subject: "checkpoint",
    value: quorum === null ? "not asked" : `quorum ${quorum}`,
    bound: "quorum met",
    passed: quorum === "met",
    next: "ask for a bundle of a run that the witnesses of the policy cosigned",
  })
  return [found]
}
