/** Calls the model under the name that it was given, whatever that would do to a page that shows it. */
const [model = ""] = process.argv.slice(2)

for (const task of ["first", "second"]) {
  const answer = await fetch(`${process.env["OPENAI_BASE_URL"]}/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${process.env["OPENAI_API_KEY"]}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ model, messages: [{ role: "user", content: task }] }),
  })
  process.stdout.write(`${answer.status}\n`)
}
