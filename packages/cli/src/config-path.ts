import { configKindOf, configKinds } from "@amc/core"

/**
 * The path under `.amc` of a config file that was typed: as such a path, as it is seen from the folder of
 * `.amc`, or by its kind's name where there is one file of the kind.
 *
 * @throws {@link AmcError} `usage/invalid`
 */
export function configPath(typed: string): string {
  const named = configKinds.find(({ name, pattern }) => name === typed && !pattern.includes("<"))
  if (named !== undefined) return named.pattern
  const path = typed.replace(/^\.\//, "").replace(/^\.amc\//, "")
  configKindOf(path)
  return path
}
