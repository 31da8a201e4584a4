import type { IncomingMessage } from "node:http"
import type { Opening } from "./egress-record.ts"
import type { EgressRoute } from "./egress-route.ts"
import { ForeignValues } from "./foreign-values.ts"
import { proxiedFields } from "./header-fields.ts"
import type { SecretScanner } from "./secret-scanner.ts"

export interface ConnectTerms {
  readonly id: string
  readonly kind: "tunnel" | "http"
  readonly request: Pick<IncomingMessage, "method" | "rawHeaders" | "url">
  readonly route: EgressRoute
  readonly secrets: SecretScanner
}

/**
 * What is recorded of a connection before it is dialled, with known secrets redacted. A query is not: it may hold a key
 * that nobody here knows.
 */
export function openingOf({ id, kind, request, route, secrets }: ConnectTerms): Opening {
  const values = new ForeignValues(secrets)
  const { target, address, rule, exception } = route
  const { url = "", method = "" } = request
  const [named = ""] = url.split("?", 1)
  const asked = values.text(named)
  return {
    opened: {
      connection_id: id,
      kind,
      // What has no secret in it has none in its host either.
      host: asked === named ? target.host : secrets.redactText(target.host),
      port: target.port,
      address,
      rule,
      exception,
      secrets_found: kind === "tunnel" ? 0 : secretsInHead(secrets, request),
    },
    asked: { method: kind === "tunnel" ? method : values.text(method), target: asked },
  }
}

function secretsInHead(
  secrets: SecretScanner,
  { rawHeaders, url = "" }: ConnectTerms["request"],
): number {
  const fields = proxiedFields(rawHeaders, "").join("\n")
  return secrets.count(Buffer.from(url)) + secrets.count(Buffer.from(fields, "latin1"))
}
