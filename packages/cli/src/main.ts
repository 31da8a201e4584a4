const version = "0.1.0"

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // Whoever reads us may stop reading ('amc … | head'); that is no fault of ours.
  if (error.code !== "EPIPE") throw error
})

const argv = process.argv.slice(2)
// Scripts ask for it often, and nothing has to be loaded to answer.
if (argv.length === 1 && argv[0] === "--version") process.stdout.write(`${version}\n`)
else {
  const { runProgram } = await import("./program.ts")
  process.exitCode = await runProgram(argv, version)
}
