import type { GateOutcome } from "@amc/score"

const root = `sha256:${"1f".repeat(32)}`
const about = {
  sha256: "2e".repeat(32),
  workspace: "example",
  root,
  agent: "coder",
  run_id: "run-1",
  opened_ms: 1_780_000_000_000,
  trust_label: "LOW TRUST",
  integrity_index: 90,
  overall: 1,
  posture: "measured",
  upstreams: [{ provider: "openai", upstream: "https://api.openai.com", loopback: false }],
} as const

const policy = {
  id: "release",
  name: "release.yaml",
  sha256: "3d".repeat(32),
  workspace: "consumer",
  root,
  version: 3,
}

/** A gate that refused by one of its rules. */
export const refused: GateOutcome = {
  schema: "amc.gate/v1",
  passed: false,
  at_ms: 1_780_000_100_000,
  policy,
  bundle: about,
  previous: { ...about, run_id: "run-0" },
  checks: [
    { rule: "status", subject: "report", value: "VALID", bound: "VALID", passed: true, next: null },
    {
      rule: "layer",
      subject: "Skills",
      value: "level 1",
      bound: "at least level 2",
      passed: false,
      next: "SK-02: 5 of 8 sessions",
    },
  ],
  findings: [
    {
      code: "gate/layer",
      subject: "Skills",
      detail: "level 1; the policy asks for at least level 2",
      tampered: false,
    },
  ],
}

export const passed: GateOutcome = {
  ...refused,
  passed: true,
  checks: refused.checks.slice(0, 1),
  findings: [],
}

/** A gate that looked at no rule, since the policy is an attacker's. */
export const unlooked: GateOutcome = {
  ...refused,
  policy: null,
  bundle: null,
  previous: null,
  checks: [],
  findings: [
    {
      code: "config/signature-invalid",
      subject: "release.yaml",
      detail: "the signature is not by a key of the right role",
      tampered: true,
    },
  ],
}

/** The same with a text from outside in every place that can hold one. */
export function withText(outcome: GateOutcome, text: string): GateOutcome {
  const named = outcome.bundle === null ? null : { ...outcome.bundle, agent: text, workspace: text }
  return {
    ...outcome,
    policy: outcome.policy === null ? null : { ...outcome.policy, workspace: text },
    bundle: named,
    previous: named,
    checks: outcome.checks.map((each) => ({
      ...each,
      subject: text,
      value: text,
      bound: text,
      next: each.next === null ? null : text,
    })),
    findings: outcome.findings.map((each) => ({ ...each, subject: text, detail: text })),
  }
}
