import { createHash } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"

const source = (name: string): string =>
  readFileSync(new URL(`../packages/verifier/src/${name}`, import.meta.url), "utf8")

/** The page in one file: nothing in it is loaded, and its own policy lets it load and send nothing. */
export function writeVerifyPage(script: string, page: string): void {
  // What the parser of HTML would take for the end of the script stands only in texts and patterns.
  const code = readFileSync(script, "utf8").replaceAll("</script", "<\\/script")
  const style = source("page.css")
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(code)}' blob:`,
    `style-src '${hashOf(style)}'`,
    "worker-src blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ")
  const template = source("page.html")
    .replace("default-src 'none'", () => policy)
    .replace("<style></style>", () => `<style>${style}</style>`)
    .replace("<script></script>", () => `<script>${code}</script>`)
  writeFileSync(page, template)
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`
}
