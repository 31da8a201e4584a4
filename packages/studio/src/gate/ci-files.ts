import { agentId, AmcError } from "@amc/core"

/** What a CI job gates, and with which copy of AMC. */
export interface CiTerms {
  /** `owner/repository@<commit>`: where AMC comes from, by a commit and not by a tag, which somebody can move. */
  readonly source: string
  /** Paths in the repository that the job is for. */
  readonly bundle: string
  readonly policy: string
  /** Within the policy's text. */
  readonly policyId: string
}

/** A file that a CI service reads, by its path in the repository. */
export interface CiFile {
  readonly path: string
  readonly text: string
}

/** actions/checkout v4.2.2, as public workflows and runners' logs have it. */
const checkout = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"

/**
 * A workflow for GitHub and a job for GitLab. Of a change they take the bundle and nothing else. The policy, its
 * signature and the list of ended keys beside it come from the default branch, and the root is a variable of the
 * service: with those of the change, who stole a key would put back the list from before its revocation.
 *
 * @throws {@link AmcError} `usage/invalid` for a source without a full commit, or a path that is not plain
 */
export function ciFiles(terms: CiTerms): readonly CiFile[] {
  const [, repository, commit] =
    /^([A-Za-z0-9][\w.-]{0,99}\/[A-Za-z0-9][\w.-]{0,99})@([0-9a-f]{40})$/u.exec(terms.source) ?? []
  if (repository === undefined || commit === undefined)
    throw new AmcError(
      "usage/invalid",
      "--source takes owner/repository@ and a commit of 40 digits",
      {
        hint: "a tag or a branch can be moved to other code; a commit can't",
      },
    )
  const files = {
    bundle: plainPath(terms.bundle),
    policy: plainPath(terms.policy),
    policyId: plainId(terms.policyId),
  }
  return [
    {
      path: ".github/workflows/amc-gate.yml",
      text: githubWorkflow(`${repository}@${commit}`, files),
    },
    { path: ".gitlab/amc-gate.yml", text: gitlabJob(repository, commit, files) },
  ]
}

type Gated = Omit<CiTerms, "source">

function plainId(id: string): string {
  if (agentId.safeParse(id).success) return id
  throw new AmcError("usage/invalid", "--policy-id takes the id that stands in the policy")
}

/** Needs no quotes in YAML or in a shell. */
function plainPath(path: string): string {
  const isPlain = /^[A-Za-z0-9_][\w.-]*(?:\/[A-Za-z0-9_][\w.-]*)*$/u.test(path)
  if (isPlain && path.length <= 200) return path
  throw new AmcError("usage/invalid", "bundle and policy are plain paths in the repository", {
    hint: "letters, digits, dots, dashes and slashes, such as release/my-agent.amcbundle",
  })
}

function githubWorkflow(action: string, { bundle, policy, policyId }: Gated): string {
  return `# Blocks what does not pass the signed policy. The variable AMC_POLICY_ROOT holds the fingerprint of the root
# that policies are signed under: set it in the settings of the repository, not here.
name: amc gate
on:
  # GitHub takes this workflow from the branch that is merged into: a change can't change its own gate.
  pull_request_target:
  push:
    branches: [main]
permissions:
  contents: read
  pull-requests: write
jobs:
  gate:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    steps:
      # The policy, its signature and the list of ended keys, of the default branch.
      - uses: ${checkout}
        with:
          ref: \${{ github.event.repository.default_branch }}
          persist-credentials: false
      # Of the change one file, as bytes: nothing of it is checked out, and nothing is run.
      - shell: bash
        env:
          CHANGE: \${{ github.event.pull_request.head.sha || github.sha }}
          TOKEN: \${{ github.token }}
        run: |
          login=$(printf 'x-access-token:%s' "$TOKEN" | base64 -w 0)
          git -c "http.extraheader=authorization: basic $login" fetch --quiet --depth=1 origin "$CHANGE"
          git cat-file blob "$CHANGE:${bundle}" > "$RUNNER_TEMP/release.amcbundle"
      - uses: ${action}
        with:
          bundle: \${{ runner.temp }}/release.amcbundle
          policy: ${policy}
          policy-id: ${policyId}
          policy-root: \${{ vars.AMC_POLICY_ROOT }}
          github-token: \${{ github.token }}
`
}

function gitlabJob(
  repository: string,
  commit: string,
  { bundle, policy, policyId }: Gated,
): string {
  const name = policy.split("/").at(-1)
  return `# Blocks what does not pass the signed policy. The variable AMC_POLICY_ROOT holds the fingerprint of the root that
# policies are signed under: set it in the settings of the project, not here.
# In .gitlab-ci.yml:  include: {local: .gitlab/amc-gate.yml}
amc-gate:
  image: node:24
  timeout: 10 minutes
  script:
    # What the branch brings along is no outcome, and what an earlier job left is no AMC.
    - rm -rf amc-gate.xml amc-gate.md amc-gate.json
    - amc=$(mktemp -d) trusted=$(mktemp -d)
    # The policy, its signature and the list of ended keys, of the default branch: what stands in a change, its
    # author can put back to what it was before a key was stolen.
    - git fetch --quiet --depth=1 origin "$CI_DEFAULT_BRANCH"
    - for end in "" .sig .trust.json; do git cat-file blob "FETCH_HEAD:${policy}$end" > "$trusted/${name}$end"; done
    - git clone --quiet --no-checkout https://github.com/${repository}.git "$amc"
    - git -C "$amc" checkout --quiet ${commit}
    - (cd "$amc" && npm ci --ignore-scripts --no-audit --no-fund && npm run -s build)
    - node "$amc/packages/cli/bin/amc.js" gate --bundle ${bundle} --policy "$trusted/${name}"
      --policy-id ${policyId} --policy-root "$AMC_POLICY_ROOT"
      --out amc-gate.xml --out amc-gate.md --out amc-gate.json
  artifacts:
    when: always
    expire_in: 30 days
    paths: [amc-gate.md, amc-gate.json]
    reports:
      junit: amc-gate.xml
`
}
