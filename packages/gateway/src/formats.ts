import { anthropicCount, anthropicMessages } from "./format-anthropic.ts"
import { bedrockConverse, bedrockInvoke } from "./format-bedrock.ts"
import { geminiCount, geminiEmbed, geminiGenerate } from "./format-gemini.ts"
import { ollamaChat, ollamaEmbed, ollamaGenerate } from "./format-ollama.ts"
import { openAiChat, openAiCompletions, openAiEmbeddings } from "./format-openai-chat.ts"
import { openAiResponses } from "./format-openai-responses.ts"
import type { Format, FormatName, PathFacts } from "./format.ts"

/** Every format that is read. The first whose path fits counts. */
export const formats: readonly Format[] = [
  openAiChat,
  openAiResponses,
  openAiCompletions,
  openAiEmbeddings,
  anthropicMessages,
  anthropicCount,
  geminiGenerate,
  geminiEmbed,
  geminiCount,
  ollamaChat,
  ollamaGenerate,
  ollamaEmbed,
  bedrockConverse,
  bedrockInvoke,
]

/** The format of a request, by its method and its path without the query; null for any other request. */
export function formatOf(method: string, path: string): { format: Format; said: PathFacts } | null {
  if (method !== "POST") return null
  const plain = /%|\/\/|\/$/.test(path) ? plainPath(path) : path
  for (const format of formats) {
    const said = format.ofPath(plain)
    if (said !== null) return { format, said }
  }
  return null
}

/** A path as servers read it that do not mind how its letters are written, or slashes more than one. */
function plainPath(path: string): string {
  return path
    .replaceAll(/%(?:2[de]|3[\da]|[46][1-9a-f]|[57][\da]|5f|7e)/gi, decodeURIComponent)
    .replaceAll(/\/+/g, "/")
    .replace(/\/$/, "")
}

/** The format of a name; null for `other`. */
export function formatNamed(name: FormatName): Format | null {
  return formats.find((format) => format.name === name) ?? null
}
