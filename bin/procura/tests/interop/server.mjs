// A service made with the published server package: two capabilities, everything in memory, and one person who is
// signed in. Prints its address once it listens. A line of standard input is something the person does by the
// package's own endpoints, `approve AGENT CODE` or `standing AGENT`; the answer is a line of JSON. Ends with its input.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { agentAuth } from "@better-auth/agent-auth";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";

const tables = [
  "user", "session", "account", "verification", "rateLimit",
  "agentHost", "agent", "agentCapabilityGrant", "approvalRequest",
];
const amount = { type: "object", required: ["amount"], properties: { amount: { type: "number" } } };

function service(origin) {
  return betterAuth({
    baseURL: origin,
    secret: "a secret for one test and nothing else, 0123456789",
    database: memoryAdapter(Object.fromEntries(tables.map((name) => [name, []]))),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: [
      agentAuth({
        providerName: "peer",
        providerDescription: "A service made with the published package",
        allowDynamicHostRegistration: true,
        capabilities: [
          { name: "echo", description: "Says the same", input: { type: "object" } },
          { name: "transfer", description: "Moves money", input: amount },
        ],
        onExecute: ({ capability, arguments: given }) => ({ capability, given }),
      }),
    ],
  });
}

async function serve() {
  let handle;
  const server = createServer((request, response) => handle(request, response));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const auth = service(origin);
  const api = toNodeHandler(auth);
  handle = async (request, response) => {
    if (request.url !== "/.well-known/agent-configuration") return api(request, response);
    const document = await auth.api.getAgentConfiguration();
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
  };
  return origin;
}

async function signUp(origin) {
  const headers = { origin, "content-type": "application/json" };
  const person = { email: "ada@example.com", password: "correct horse", name: "Ada" };
  const signedUp = await fetch(`${origin}/api/auth/sign-up/email`, {
    method: "POST", headers, body: JSON.stringify(person),
  });
  headers.cookie = signedUp.headers.getSetCookie().map((it) => it.split(";")[0]).join("; ");
  return headers;
}

const origin = await serve();
const headers = await signUp(origin);
const deeds = {
  approve: (agent_id, user_code) => fetch(`${origin}/api/auth/agent/approve-capability`, {
    method: "POST", headers, body: JSON.stringify({ agent_id, user_code, action: "approve" }),
  }),
  standing: (agent_id) => fetch(`${origin}/api/auth/agent/get?agent_id=${agent_id}`, { headers }),
};
console.log(origin);
for await (const line of createInterface({ input: process.stdin })) {
  const [deed, ...words] = line.split(" ");
  const answer = await deeds[deed](...words);
  console.log(JSON.stringify(await answer.json()));
}
process.exit(0);
