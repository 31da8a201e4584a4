import type { MeasuredEvent } from "./session-facts.ts"

/**
 * The changes of config that raised the version of their file, in order of time. No other repairs anything: the
 * monitor alone records changes, and can't undo the last one.
 */
export function repairsIn(
  changes: readonly MeasuredEvent<"config_change">[],
): readonly MeasuredEvent<"config_change">[] {
  const versions = new Map<string, number>()
  // The sort is stable, so that what one lane wrote in one millisecond stays in its order.
  return changes
    .toSorted((a, b) => a.ts - b.ts)
    .filter(({ measured: { path, version } }) => {
      const last = versions.get(path)
      const isLater = last === undefined || version > last
      if (isLater) versions.set(path, version)
      return isLater
    })
}
