// An OpenID provider on a port of its own choice, at which everybody is who they say they are.
// It writes its issuer to its output, reads where it may send people back to, says "ready", and ends with its input.
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://localhost:${server.address().port}`;
console.log(issuer);

const input = createInterface({ input: process.stdin });
const [redirect_uri] = await once(input, "line");
const provider = new Provider(issuer, {
  clients: [{ client_id: "procura", client_secret: "a secret+", redirect_uris: [redirect_uri] }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  pkce: { required: () => true },
  findAccount: async (_, sub) => ({
    accountId: sub,
    claims: async () => ({ sub, email: `${sub}@example.com`, email_verified: true, name: "Alice" }),
  }),
});
server.on("request", provider.callback());
input.on("close", () => process.exit(0));
console.log("ready");
