import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { configJsonSchema } from "./config-json-schema.ts"
import { configKinds } from "./config-registry.ts"

const folder: string = fileURLToPath(new URL("../../../spec/schemas/", import.meta.url))

/** The schema files by name, as they are to be. */
export const schemaFiles: ReadonlyMap<string, string> = new Map(
  configKinds.map(({ name }) => [
    `${name}.schema.json`,
    `${JSON.stringify(configJsonSchema(name), null, 2)}\n`,
  ]),
)

export function readSchemaFile(name: string): string {
  return readFileSync(join(folder, name), "utf8")
}

/** `node packages/core/src/config-json-schema.fixture.ts` writes spec/schemas anew. */
if (import.meta.main) {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of schemaFiles) writeFileSync(join(folder, name), text)
}
