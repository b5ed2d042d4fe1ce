// Signing in at an OAuth issuer, in a browser, against an issuer that checks what the page
// sends as Cognito does.

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import test from "node:test";

import { launch, openWindow } from "./browser.js";
import { startPage } from "./page-server.js";

/** The page, an issuer and the few answers of the API that the page needs. */
async function startIssuer() {
  const issuer = { codes: new Map(), refreshTokens: new Set(), valid: new Set(), log: [], lifetime: 3600, spoilNonce: false, spoilState: false, base: "" };
  const token = (claims) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.signature`;
  const issue = (nonce) => {
    const accessToken = token({ sub: "u1", scope: "openid orders/read orders/operate", jti: randomUUID() });
    const refreshToken = randomUUID();
    issuer.valid.add(accessToken);
    issuer.refreshTokens.add(refreshToken);
    const idToken = nonce === undefined ? {} : { id_token: token({ iss: `${issuer.base}/issuer`, aud: "client", sub: "u1", email: "op@example.com", nonce }) };
    return { access_token: accessToken, refresh_token: refreshToken, expires_in: issuer.lifetime, token_type: "Bearer", ...idToken };
  };
  const grant = (form) => {
    issuer.log.push(form.get("grant_type"));
    if (form.get("client_id") !== "client") return undefined;
    if (form.get("grant_type") === "refresh_token") return issuer.refreshTokens.delete(form.get("refresh_token")) ? issue() : undefined;
    const code = issuer.codes.get(form.get("code"));
    issuer.codes.delete(form.get("code"));
    const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    if (!code || code.challenge !== challenge || form.get("redirect_uri") !== code.redirectUri) return undefined;
    return issue(issuer.spoilNonce ? "another" : code.nonce);
  };
  const authorize = (query) => {
    assert.equal(query.get("response_type"), "code");
    assert.equal(query.get("code_challenge_method"), "S256");
    const code = randomUUID();
    issuer.codes.set(code, { challenge: query.get("code_challenge"), nonce: query.get("nonce"), redirectUri: query.get("redirect_uri") });
    const state = issuer.spoilState ? "another" : query.get("state");
    return `${query.get("redirect_uri")}?code=${code}&state=${state}`;
  };
  const { page, stop } = await startPage(({ url, headers, body }) => {
    if (url.pathname === "/authorize") return { status: 302, headers: { location: authorize(url.searchParams) } };
    if (url.pathname === "/logout") {
      issuer.log.push(`logout ${url.searchParams.get("client_id")}`);
      return { status: 302, headers: { location: url.searchParams.get("logout_uri") } };
    }
    if (url.pathname === "/token") {
      const tokens = grant(new URLSearchParams(body));
      return tokens ? { body: tokens } : { status: 400, body: { error: "invalid_grant" } };
    }
    if (!issuer.valid.has(headers.authorization?.replace("Bearer ", ""))) return { status: 401, body: { title: "Unauthorized" } };
    if (url.pathname === "/board") return { body: { asOf: new Date().toISOString(), states: [], statuses: [], attention: [], closedToday: [] } };
    return { body: { orders: [] } };
  });
  const { base } = page;
  issuer.base = base;
  page.config = { signIn: "oauth", issuer: `${base}/issuer`, clientId: "client", authorizeUrl: `${base}/authorize`, tokenUrl: `${base}/token`, logoutUrl: `${base}/logout`, scopes: ["orders/read", "orders/operate"] };
  return { issuer, stop };
}

async function withPage(run) {
  const { issuer, stop } = await startIssuer();
  const browser = await launch();
  try {
    const { page, problems } = await openWindow(browser, { identity: null });
    await run({ issuer, page, problems });
  } finally {
    await browser.close();
    await stop();
  }
}

const signIn = async (page, base, hash = "") => {
  await page.goto(`${base}/${hash}`);
  await page.click("text=Sign in");
};

test("signing in comes back to the view, keeps tokens in memory only, and signing out ends the issuer's session", () => withPage(async ({ issuer, page, problems }) => {
  await signIn(page, issuer.base, "#/queues/stuck");
  await page.waitForSelector("text=No order is stuck");
  assert.equal(new URL(page.url()).search, "");
  assert.equal(new URL(page.url()).hash, "#/queues/stuck");
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  for (const token of [...issuer.valid, ...issuer.refreshTokens]) assert.ok(!stored.includes(token));
  assert.ok(!stored.includes("verifier"));
  await page.click("button[title^='Signed in']");
  await page.waitForSelector("text=Watch orders move");
  assert.equal(issuer.log.at(-1), "logout client");
  assert.deepEqual(problems, []);
}));

test("an answer with another state is refused before its code is used", () => withPage(async ({ issuer, page }) => {
  issuer.spoilState = true;
  await signIn(page, issuer.base);
  await page.waitForSelector("text=does not belong to a sign-in of this tab");
  assert.deepEqual(issuer.log, []);
}));

test("an identity with another nonce is refused", () => withPage(async ({ issuer, page }) => {
  issuer.spoilNonce = true;
  await signIn(page, issuer.base);
  await page.waitForSelector("text=The identity is for another sign-in");
}));

test("a token is renewed before it expires, without a word", () => withPage(async ({ issuer, page }) => {
  issuer.lifetime = 1;
  await signIn(page, issuer.base);
  await page.waitForSelector("text=No open orders");
  const renewed = page.waitForResponse((response) => response.url().endsWith("/token"));
  assert.equal((await renewed).status(), 200);
  await page.waitForSelector("text=No open orders");
  assert.deepEqual(issuer.log.slice(0, 2), ["authorization_code", "refresh_token"]);
}));

test("a revoked session asks to sign in again and says so", () => withPage(async ({ issuer, page }) => {
  await signIn(page, issuer.base);
  await page.waitForSelector("text=No open orders");
  issuer.valid.clear();
  issuer.refreshTokens.clear();
  await page.waitForSelector("text=Your session has ended");
}));
