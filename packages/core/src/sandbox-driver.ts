import { z } from "zod"

/** What an agent is boxed with; `none` is no box at all. */
export const sandboxDriver = z.enum(["bubblewrap", "docker", "podman", "none"])
