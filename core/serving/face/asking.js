// Asks the server: JSON in and out, and errors as its own sentence. It knows no session.
"use strict";

async function ask(method, path, body) {
  const options = { method };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) Object.assign(options, { body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  let answer;
  try { answer = await fetch(path, options); } catch { throw new Error("the server does not answer: is it still running?"); }
  const told = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.error || `the server answered ${answer.status}`), { status: answer.status });
  return told;
}
