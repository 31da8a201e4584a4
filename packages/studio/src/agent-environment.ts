import { cleanEnvironment, inBox } from "@amc/sandbox"
import type { ProgramMounts } from "./program.ts"
import { joinPath } from "./program.ts"
import type { SessionGateway } from "./session-gateway.ts"
import { sdkVariables } from "./sdk-variables.ts"
import type { SessionTerms } from "./session-terms.ts"

/** Settings that a person may pass on to the agent; none of them is a secret or a way around the gateway. */
const passed = /^(LANG|LC_[A-Z]+|TZ|OPENAI_MODEL|NO_COLOR)$/

/**
 * What points ordinary clients to the egress proxy, with the lease as credentials. The gateway is spoken to
 * directly; programs of Node 24 heed proxies only if told to.
 */
function proxyVariables({ egress: { proxyUrl } }: SessionGateway): Record<string, string> {
  if (proxyUrl === null) return {}
  const direct = "127.0.0.1,localhost,::1"
  return {
    HTTP_PROXY: proxyUrl,
    HTTPS_PROXY: proxyUrl,
    NO_PROXY: direct,
    http_proxy: proxyUrl,
    https_proxy: proxyUrl,
    no_proxy: direct,
    NODE_USE_ENV_PROXY: "1",
  }
}

/** The whole environment of an agent in a box. */
export function boxEnvironment(
  terms: SessionTerms,
  mounts: ProgramMounts,
  gateway: SessionGateway | null,
): Record<string, string> {
  const own = Object.entries(terms.environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && passed.test(entry[0]),
  )
  return {
    LANG: "C.UTF-8",
    ...Object.fromEntries(own),
    ...(gateway === null
      ? {}
      : { ...sdkVariables(terms.providers, gateway), ...proxyVariables(gateway) }),
    PATH: joinPath([...mounts.path, "/usr/local/bin", "/usr/bin", "/bin"]),
    HOME: inBox.home,
    TMPDIR: "/tmp",
    AMC_SESSION: String(terms.number),
  }
}

/** The environment of an agent without a box: listed names of the monitor's own, and nothing of AMC's. */
export function plainEnvironment(
  terms: SessionTerms,
  gateway: SessionGateway,
): Record<string, string> {
  const given = { ...sdkVariables(terms.providers, gateway), ...proxyVariables(gateway) }
  return cleanEnvironment(terms.environment, given)
}
