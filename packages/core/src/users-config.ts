import { z } from "zod"

/** What a person or an agent may do at Studio (C2). */
export const userRoles = ["OWNER", "AUDITOR", "APPROVER", "OPERATOR", "VIEWER", "AGENT"] as const
export type UserRole = (typeof userRoles)[number]

const userName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._@+-]{0,63}$/, "a name has lower-case letters, digits and . _ @ + -")

/** `users.yaml`: who there is and in which role (C4). It holds no secret. */
export const usersConfigSchema: z.ZodType<UsersConfig> = z.strictObject({
  v: z.literal(1),
  users: z
    .array(z.strictObject({ name: userName, role: z.enum(userRoles) }))
    .max(1000)
    .refine(
      (users) => new Set(users.map(({ name }) => name)).size === users.length,
      "a user is named twice",
    ),
})

export interface UsersConfig {
  readonly v: 1
  readonly users: readonly { readonly name: string; readonly role: UserRole }[]
}
