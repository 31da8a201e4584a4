import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseYaml } from "@amc/core"
import type { Bank } from "./v1/bank.ts"
import { bankSchema } from "./v1/bank-schema.ts"

const bankFile: string = fileURLToPath(new URL("../bank/amc-bank-1.yaml", import.meta.url))
const sourceFile: string = fileURLToPath(new URL("v1/bank-1.ts", import.meta.url))

/** The bank as it stands in YAML, checked by its schema. */
export function readBank(): Bank {
  return parseYaml(readFileSync(bankFile), bankSchema, "amc-bank-1.yaml")
}

function sourceOf(bank: Bank): string {
  return `import type { Bank } from "./bank.ts"

/** The bank of packages/score/bank/amc-bank-1.yaml, which is where it is written. */
export const bank1: Bank = ${JSON.stringify(bank, null, 2)}
`
}

/** `node packages/score/src/bank.fixture.ts` writes v1/bank-1.ts anew; format it afterwards. */
if (import.meta.main) writeFileSync(sourceFile, sourceOf(readBank()))
