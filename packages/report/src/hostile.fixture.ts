import type { Dossier } from "./dossier.ts"

/** Members whose texts are words of the format itself: no agent writes them. */
const ownWords = new Set([
  "schema",
  "basis",
  "status",
  "posture",
  "trust_label",
  "verifier_label",
  "level",
  "overall",
  "claimed",
  "fact",
  "marks",
  "unit",
  "check",
  "state",
  "mean",
])

/** The dossier with a text behind each of its texts; equal ones stay equal. */
export function withHostile(dossier: Dossier, text: string): Dossier {
  return spoil(dossier, text) as Dossier
}

function spoil(value: unknown, text: string): unknown {
  if (typeof value === "string") return value + text
  if (Array.isArray(value)) return value.map((each) => spoil(each, text))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      ownWords.has(name) ? each : spoil(each, text),
    ]),
  )
}

/** What breaks pages, tables, comments, terminals and eyes. */
export const hostileTexts: readonly string[] = [
  `<script>document.title="owned"</script>`,
  `"><img src=x onerror=alert(1)>`,
  `' onmouseover='alert(1)`,
  "</style><style>*{display:none}</style>",
  "--><!-- ]]> &lt;b&gt; &#60;",
  "javascript:alert(1) https://x.example/?q=1 www.x.example a@x.example",
  "`` ` ```\n# heading\n| cell | \\| \\` $`x`$ $$y$$",
  "@all #1 GH-1 a/b#2 :boom: [a](b) ![c](d) **e** __f__ ~~g~~ <!--h-->",
  "\u001B[2J\u001B]0;owned\u0007\u009B31m\r\b\u0000\u007F",
  "\u202E\u2066\u200F\u200B\uFEFF\u2028\u2029\u00AD",
  `a${"\u0301\u0489".repeat(40)}`,
  "\uD800 \uDFFF \u{E0041}\u{1F468}\u200D\u{1F469}",
  "x".repeat(3000),
]
