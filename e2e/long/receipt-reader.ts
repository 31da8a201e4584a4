import { writeFileSync } from "node:fs"
import { eventsOf, measuredOf } from "../testing/evidence.ts"

/**
 * Fetches the receipts of all calls of an agent with the agent's lease, while its session is open:
 * `node receipt-reader.ts <.amc folder> <agent> <file>`.
 */
const [dir = "", agent = "", file = ""] = process.argv.slice(2)
const [url, token] = (
  [
    ["OPENAI_BASE_URL", "OPENAI_API_KEY"],
    ["ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"],
    ["GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY"],
  ] as const
)
  .map((names) => names.map((name) => process.env[name] ?? ""))
  .find(([base]) => base !== "") as [string, string]

const calls = measuredOf(await eventsOf(dir), "llm_request", agent).map(({ call_id }) => call_id)
const receipts = await Promise.all(
  calls.map(async (call_id) => {
    const headers = { authorization: `Bearer ${token}` }
    const answer = await fetch(`${new URL(url).origin}/amc/receipts/${call_id}`, { headers })
    return { call_id, status: answer.status, ...((await answer.json()) as object) }
  }),
)
writeFileSync(file, JSON.stringify(receipts))
