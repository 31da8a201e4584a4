import { expect, test } from "vitest"
import { fuzzAnswers, fuzzProxied, fuzzRequests, fuzzTunnels } from "./gateway-fuzz.fixture.ts"

/** A sample; `BENCH_MINUTES=5 npm run bench -- fuzz-gateway` goes on with other seeds. */
test.each([
  { what: "requests and smuggling forms", fuzz: fuzzRequests },
  { what: "answers of a hostile provider", fuzz: fuzzAnswers },
  { what: "CONNECT targets and ClientHellos (G3)", fuzz: fuzzTunnels },
  { what: "plain requests to a hostile host (G3)", fuzz: fuzzProxied },
])(
  "fuzzed $what forward nothing unrecorded, leave no call open and break nothing (G1)",
  async ({ fuzz }) => {
    const { faults, forwarded } = await fuzz(20_260_101, 200)
    expect(faults).toEqual([])
    expect(forwarded).toBeGreaterThan(10)
  },
)
