import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** A command-line agent as it is started with nobody to answer its questions. */
export interface Agent {
  readonly name: string
  /** The provider's kind, as `amc provider add` takes it. */
  readonly kind: "anthropic" | "openai" | "gemini"
  /** Where its program lies. */
  readonly program: string
  readonly words: readonly string[]
  /** Files of its work folder. */
  readonly files: Readonly<Record<string, unknown>>
  /** Of the model's name as it is asked for. */
  readonly asks: string
}

const modules = fileURLToPath(new URL("node_modules", import.meta.url))
const prompt = "Write the word hello into note.txt."
const asked = "scripted-1"

const claude: Agent = {
  name: "claude",
  kind: "anthropic",
  program: `${modules}/@anthropic-ai/claude-code-linux-x64/claude`,
  words: [
    "env",
    "IS_SANDBOX=1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
    "DISABLE_TELEMETRY=1",
    "DISABLE_ERROR_REPORTING=1",
    "DISABLE_AUTOUPDATER=1",
    `${modules}/@anthropic-ai/claude-code-linux-x64/claude`,
    "-p",
    prompt,
    "--model",
    asked,
    "--dangerously-skip-permissions",
    "--output-format",
    "json",
  ],
  files: {},
  asks: asked,
}

const codexProgram = `${modules}/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex`
const quiet = "-c features.plugins=false -c features.apps=false"

/** Its base URL is a setting, and only a shell knows it. */
function codex(name: string, settings: string): Agent {
  const script = `CODEX_API_KEY="$OPENAI_API_KEY"; export CODEX_API_KEY; exec "$0" exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox --json ${quiet} -m ${asked} ${settings} "$1"`
  const words = ["sh", "-c", script, codexProgram, prompt]
  return { name, kind: "openai", program: codexProgram, words, files: {}, asks: asked }
}

const ownProvider = [
  "-c model_provider=gw",
  "-c model_providers.gw.name=gw",
  '-c model_providers.gw.base_url="$OPENAI_BASE_URL"',
  "-c model_providers.gw.env_key=OPENAI_API_KEY",
  "-c model_providers.gw.wire_api=responses",
].join(" ")

const opencodeProgram = `${modules}/opencode-linux-x64-baseline/bin/opencode`
const off = ["AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS"]

function opencode(
  wire: string,
  kind: Agent["kind"],
  npm: string,
  options: Readonly<Record<string, string>>,
): Agent {
  const provider = { npm, options, models: { [asked]: { name: asked } } }
  const quiet = off.map((name) => `OPENCODE_DISABLE_${name}=1`)
  const run = ["run", "--model", `gw/${asked}`, "--format", "json", prompt]
  return {
    name: `opencode-${wire}`,
    kind,
    program: opencodeProgram,
    words: ["env", ...quiet, opencodeProgram, ...run],
    files: { "opencode.json": { provider: { gw: provider }, permission: { "*": "allow" } } },
    asks: asked,
  }
}

const openaiOptions = { baseURL: "{env:OPENAI_BASE_URL}", apiKey: "{env:OPENAI_API_KEY}" }
const anthropicOptions = {
  baseURL: "{env:ANTHROPIC_BASE_URL}/v1",
  apiKey: "{env:ANTHROPIC_API_KEY}",
}
const geminiOptions = {
  baseURL: "{env:GOOGLE_GEMINI_BASE_URL}/v1beta",
  apiKey: "{env:GEMINI_API_KEY}",
}

const geminiProgram = `${modules}/@google/gemini-cli/bundle/gemini.js`
const gemini: Agent = {
  name: "gemini",
  kind: "gemini",
  program: geminiProgram,
  words: [
    "env",
    "GEMINI_CLI_TRUST_WORKSPACE=true",
    "node",
    geminiProgram,
    "-p",
    prompt,
    "--yolo",
    "-m",
    "gemini-2.5-pro",
    "--output-format",
    "json",
  ],
  // Of itself it takes a base URL for a way to sign in that it then refuses.
  files: {
    ".gemini/settings.json": { security: { auth: { selectedType: "gemini-api-key" } } },
  },
  asks: "gemini-2.5-pro",
}

export const agents: readonly Agent[] = [
  claude,
  codex("codex", ownProvider),
  codex("codex-ws", '-c openai_base_url="$OPENAI_BASE_URL"'),
  opencode("chat", "openai", "@ai-sdk/openai-compatible", openaiOptions),
  opencode("anthropic", "anthropic", "@ai-sdk/anthropic", anthropicOptions),
  opencode("responses", "openai", "@ai-sdk/openai", openaiOptions),
  opencode("gemini", "gemini", "@ai-sdk/google", geminiOptions),
  gemini,
]

/** Why an agent can't run here; null if it can. */
export function hindrance({ program }: Agent): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "its program is for linux-x64"
  return existsSync(program) ? null : "it is not installed: npm install in e2e/long"
}
