import { z } from "zod"

const highest = Number.MAX_SAFE_INTEGER

/** A count, size or duration. */
export const count: z.ZodInt = z.int().min(0).max(highest)
/** An integer that may be negative, such as an exit code. */
export const integer: z.ZodInt = z.int().min(-highest).max(highest)
export const flag: z.ZodBoolean = z.boolean()
/** 32 bytes as lower-case hex. */
export const hex32: z.ZodString = z.string().regex(/^[0-9a-f]{64}$/)
/** A short text of the monitor's own making: an id, a path, a name. */
export const label: z.ZodString = z.string().min(1).max(256)
/** A text that may hold foreign content, cut to this many UTF-16 units by whoever records it. */
export const foreignTextMax = 200
export const foreign: z.ZodString = z.string().max(foreignTextMax)

/** A level from 0 to 5. */
export const step: z.ZodInt = z.int().min(0).max(5)
/** The id of a bank's question. */
export const questionId: z.ZodString = z.string().regex(/^[A-Z]{1,8}-[0-9]{1,4}$/)

/** An agent's id, and a lane's: safe in file names, notes and command lines. */
export const agentId: z.ZodString = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)
/** The chain of events that belong to no agent. */
export const systemAgent = "_system"
