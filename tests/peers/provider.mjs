// A certified OpenID provider on loopback, for tests: whoever comes logs in as "anna-at-peer".
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const redirect = process.argv[2];
const provider = new Provider(issuer, {
  clients: [{
    client_id: "goldenbatch", redirect_uris: [redirect], token_endpoint_auth_method: "none",
    application_type: "native", response_types: ["code"], grant_types: ["authorization_code"],
  }],
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid");
    await grant.save();
    return grant;
  },
});
const handle = provider.callback();
server.on("request", async (request, response) => {
  if (!request.url.startsWith("/interaction/")) return handle(request, response);
  const login = { accountId: "anna-at-peer", ts: Math.floor(Date.now() / 1000) };
  const result = { login, consent: {} };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
});
process.stdin.on("end", () => process.exit(0)).resume();
console.log(issuer);
