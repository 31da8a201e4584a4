import type { RouteRule, WirePolicy } from "@amc/core"

/**
 * A policy and where it comes from. A lease holds one of each place, and a call has to satisfy all of
 * them: so whatever is added can only narrow what is allowed.
 */
export interface HeldPolicy {
  /** Named to the client and in audits: a config file's path, or `lease`. */
  readonly source: string
  readonly policy: WirePolicy
}

/** The source of what a lease itself was narrowed to. */
export const leaseSource = "lease"

/** Whose a policy's counts are: of one lease, or of one agent's calls together. */
export function holderOf(
  { source }: HeldPolicy,
  lease: { readonly id: string; readonly agent: string },
): string {
  return source === leaseSource ? `${source} ${lease.id}` : `${source} ${lease.agent}`
}

/** Whether rules let a route be called; no rules let every one be. */
export function allowsRoute(
  rules: readonly RouteRule[] | undefined,
  provider: string,
  method: string,
  path: string,
): boolean {
  if (rules === undefined) return true
  return rules.some(
    (rule) =>
      rule.provider === provider &&
      (rule.methods === undefined || rule.methods.includes(method)) &&
      (rule.paths === undefined || rule.paths.some((prefix) => isBelow(prefix, path))),
  )
}

/** By whole segments: `/chat` allows `/chat/completions` and not `/chats`. */
function isBelow(prefix: string, path: string): boolean {
  const bare = prefix.replace(/\/+$/, "")
  return path === bare || path.startsWith(`${bare}/`)
}
