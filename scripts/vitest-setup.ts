import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** Tests read the public vectors from `../shared`; without them a green run would prove less than it says. */
export default function setup(): void {
  const vectors = fileURLToPath(new URL("../../shared/vectors/", import.meta.url))
  if (existsSync(vectors)) return
  console.error(`\n!! ${vectors} is missing: every test that reads public vectors will fail.\n`)
}
