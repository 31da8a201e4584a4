import { z } from "zod"

/**
 * The schema of one event type's facts.
 *
 * `measured` fields are what the monitor itself did, counted, timed or dialled. `reported` fields were
 * parsed from content that the agent, the model or a tool wrote: a rule may lower a level by them,
 * never raise one (S10). The split is in the bytes of each event, so that no reader has to be told.
 */
export function facts<M extends z.ZodRawShape, R extends z.ZodRawShape>(
  measured: M,
  reported: R,
): z.ZodObject<
  { measured: z.ZodObject<M, z.core.$strict>; reported: z.ZodObject<R, z.core.$strict> },
  z.core.$strict
> {
  return z.strictObject({ measured: z.strictObject(measured), reported: z.strictObject(reported) })
}

/** For a type that reports nothing. */
export const none = {}
