import { z } from "zod"
import { configKinds } from "./config-registry.ts"
import { AmcError } from "./errors.ts"

/**
 * The JSON Schema of a kind of config file, for editors. It says less than AMC checks: what compares
 * several members, such as a name that is there twice, has no words in it.
 *
 * @throws {@link AmcError} `usage/invalid` for an unknown name
 */
export function configJsonSchema(name: string): Record<string, unknown> {
  const kind = configKinds.find((each) => each.name === name)
  if (kind === undefined)
    throw new AmcError("usage/invalid", `there is no config '${name}'`, {
      hint: `there are: ${configKinds.map((each) => each.name).join(", ")}`,
    })
  return { title: kind.pattern, ...z.toJSONSchema(kind.schema, { io: "input" }) }
}
