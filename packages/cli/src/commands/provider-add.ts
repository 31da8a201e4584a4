import { readSync } from "node:fs"
import { resolve } from "node:path"
import { AmcError, gatewayConfigSchema, type ProviderConfig, type ProviderKind } from "@amc/core"
import { addProvider, openWorkspace, providerKindOf, providerPresets } from "@amc/studio"
import { type Command, type Context, flagOption, type Options, textOption } from "../command.ts"
import { Exit } from "../exit.ts"

const keySizeMax = 8192

export const providerAdd: Command = {
  configure: (parser) =>
    parser
      .argument("<id>", "first segment of the path that agents use, such as openai")
      .option(
        "--kind <kind>",
        "openai, anthropic, gemini, ollama, azure, bedrock or compatible; by default what the id is, else compatible",
      )
      .option(
        "--upstream <origin>",
        "where the gateway forwards to; openai, anthropic, gemini and ollama have one of their own",
      )
      .option("--base-path <path>", "put before every forwarded path", "")
      .option("--socket <path>", "a unix socket to dial instead of the upstream's host")
      .option(
        "--auth <place>",
        "where the key goes: bearer, x-api-key, x-goog-api-key, api-key; by default as the kind has it",
      )
      .option("--key-file <path>", "read the provider's key from a file")
      .option(
        "--replace",
        "start a new list with this provider alone; repairs a gateway.yaml whose signature is missing or invalid",
      )
      .option("--key-stdin", "read the provider's key from standard input")
      .addHelpText(
        "after",
        "\nExamples:\n  amc provider add anthropic --key-file ~/.anthropic-key\n  amc provider add azure --upstream https://my-resource.openai.azure.com --key-file ~/.azure-key\n  amc provider add work --kind openai --upstream https://llm.example.com --key-file ~/.work-key",
      ),

  async run(context, [id = ""], options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const kind = providerKindOf(id, textOption(options, "kind"))
    const provider = checked({
      id,
      kind,
      upstream: upstreamOf(kind, textOption(options, "upstream")),
      base_path: textOption(options, "basePath") ?? "",
      socket: absolute(context, textOption(options, "socket")),
      auth: authOf(textOption(options, "auth") ?? providerPresets[kind].auth),
    })
    const key = await readKey(context, options)
    const { version } = await addProvider(workspace, {
      provider,
      key,
      replace: flagOption(options, "replace"),
      clock: context.clock,
    })
    const kept = key === null ? "no key" : "its key in the vault"
    return {
      exit: Exit.accepted,
      data: { provider, version, has_key: key !== null },
      lines: [
        `provider ${id} forwards to ${provider.upstream}, ${kept}; gateway.yaml is signed as version ${version}`,
      ],
    }
  },
}

function upstreamOf(kind: ProviderKind, named: string | undefined): string {
  const { upstream, example } = providerPresets[kind]
  if (named !== undefined) return named
  if (upstream !== null) return upstream
  throw new AmcError("usage/invalid", `a provider of the kind ${kind} has no place of its own`, {
    hint: `say where it is: --upstream ${example}`,
  })
}

/** The config outlives the folder in which the command was given. */
function absolute({ cwd }: Context, socket: string | undefined): string | null {
  return socket === undefined ? null : resolve(cwd, socket)
}

const wanted: Readonly<Record<string, string>> = {
  id: "a provider's id has lower-case letters, digits, dots, dashes and underscores, 64 at most",
  upstream: "--upstream takes an origin, such as https://api.openai.com",
  base_path: "--base-path takes a path, such as /api",
  socket: "--socket takes a path of 4096 characters at most",
}

/** Before the key goes into the vault: what the config would refuse must leave nothing behind. */
function checked(provider: ProviderConfig): ProviderConfig {
  const parsed = gatewayConfigSchema.safeParse({ v: 1, providers: [provider] })
  if (parsed.success) return provider
  const [issue] = parsed.error.issues
  const member = String(issue?.path.at(-1))
  const hint = member === "upstream" ? splitHint(provider.upstream) : undefined
  throw new AmcError(
    "usage/invalid",
    wanted[member] ?? `the provider's ${member}: ${issue?.message}`,
    hint === undefined ? {} : { hint },
  )
}

/** How an address with a path is said: the `/v1` that agents put before every path is not part of it. */
function splitHint(address: string): string | undefined {
  const url = URL.parse(address)
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined
  const path = url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "")
  const said = `--upstream ${url.origin}${path === "" ? "" : ` --base-path ${path}`}`
  return url.pathname === "/" || path === ""
    ? `say ${said}; a path would go into --base-path, without the /v1 that agents add themselves`
    : `say ${said}; agents add /v1 themselves`
}

async function readKey(context: Context, options: Options): Promise<Uint8Array | null> {
  const file = textOption(options, "keyFile")
  if (file !== undefined && flagOption(options, "keyStdin"))
    throw new AmcError("usage/invalid", "--key-file and --key-stdin exclude each other")
  if (file !== undefined) return trimmed(await context.readFile(file))
  return flagOption(options, "keyStdin") ? trimmed(readStdin()) : null
}

function readStdin(): Uint8Array {
  const buffer = new Uint8Array(keySizeMax + 1)
  let size = 0
  for (let read = -1; read !== 0 && size < buffer.length; size += read)
    read = readSync(0, buffer, size, buffer.length - size, null)
  return buffer.subarray(0, size)
}

function trimmed(bytes: Uint8Array): Uint8Array {
  const key = new TextEncoder().encode(new TextDecoder().decode(bytes).trim())
  if (key.length === 0 || key.length > keySizeMax)
    throw new AmcError("usage/invalid", "the provider's key is empty or too long")
  return key
}

function authOf(text: string): "bearer" | "x-api-key" | "x-goog-api-key" | "api-key" {
  const known = ["bearer", "x-api-key", "x-goog-api-key", "api-key"] as const
  const found = known.find((place) => place === text)
  if (found === undefined)
    throw new AmcError("usage/invalid", `--auth takes one of ${known.join(", ")}`)
  return found
}
