// @ts-check
// Who is using the page. Locally: a choice of development identities. On AWS: the
// authorization-code flow with PKCE. Tokens are kept in memory only; what survives the
// redirect to the issuer (state, nonce, verifier) is in the tab's session storage and is
// removed when the answer comes.

/**
 * @typedef {object} Config
 * @property {"development" | "oauth" | "none"} signIn
 * @property {string} [issuer]
 * @property {string} [clientId]
 * @property {string} [authorizeUrl]
 * @property {string} [tokenUrl]
 * @property {string} [logoutUrl]
 * @property {string} [redirectUri]
 * @property {string[] | string} [scopes]
 *
 * @typedef {object} Identity
 * @property {string} name
 * @property {string} sub
 * @property {string[]} scopes
 *
 * @typedef {{title: string, about: string, sub: string, scopes: string[]}} DevelopmentIdentity
 */

const PENDING = "orders.sign-in";
const RETURNING = "orders.signed-in";
const CHOSEN = "orders.development-identity";
/** A token is renewed this long before it expires. */
const RENEW_BEFORE = 60_000;

/** @type {DevelopmentIdentity[]} */
export const DEVELOPMENT_IDENTITIES = [
  { title: "All roles", about: "See the whole page: place, watch, decide, restock", sub: "dev", scopes: ["orders/read", "orders/write", "orders/operate", "inventory/write"] },
  { title: "Operator", about: "Watch all orders, decide reviews, help stuck orders", sub: "olivia", scopes: ["orders/read", "orders/operate"] },
  { title: "Warehouse", about: "Stock levels, restocks, prices", sub: "walter", scopes: ["inventory/write"] },
  { title: "Customer", about: "Own orders only, and cancel them", sub: "alice", scopes: ["orders/read", "orders/write"] },
];

/** @param {string} scope */
function isKnown(scope) {
  return ["orders/read", "orders/write", "orders/operate", "inventory/write"].includes(scope);
}

export class Session {
  /** @param {Config} config */
  constructor(config) {
    this.config = config;
    /** @type {Identity | null} */
    this.identity = null;
    /** @type {(() => void)[]} */
    this.listeners = [];
    /** Why there is no session, for people. */
    this.problem = "";
    /** @type {string | null} */
    this.accessToken = null;
    /** @type {string | null} */
    this.refreshToken = null;
    this.renewal = 0;
    /** @type {Promise<void> | null} */
    this.renewing = null;
  }

  /** Restores this tab's session, if there is one. */
  async begin() {
    if (this.config.signIn === "development") return this.beginDevelopment();
    if (this.config.signIn === "oauth") return this.beginOAuth();
  }

  /** @param {string} scope */
  may(scope) {
    return this.identity?.scopes.includes(scope) ?? false;
  }

  /** The token to send; waits for a renewal under way. */
  async token() {
    if (this.renewing) await this.renewing;
    return this.accessToken;
  }

  changed() {
    for (const listener of this.listeners) listener();
  }

  /** The server refused the token: it has expired, or was revoked. */
  async expire() {
    if (!this.identity) return;
    if (this.refreshToken && !this.renewing) {
      // A failed renewal has ended the session and said why.
      return this.renew();
    }
    if (this.renewing) return;
    this.end("Your session has expired. Sign in again to continue where you left off.");
  }

  /** @param {string} problem */
  end(problem) {
    clearTimeout(this.renewal);
    this.identity = null;
    this.accessToken = null;
    this.refreshToken = null;
    this.problem = problem;
    this.changed();
  }

  signOut() {
    sessionStorage.removeItem(RETURNING);
    localStorage.removeItem(CHOSEN);
    this.end("");
    const { logoutUrl, clientId } = this.config;
    if (this.config.signIn === "oauth" && logoutUrl) {
      const url = new URL(logoutUrl);
      url.searchParams.set("client_id", clientId ?? "");
      // Cognito reads the second name, OpenID Connect the third.
      url.searchParams.set("logout_uri", this.redirectUri());
      url.searchParams.set("post_logout_redirect_uri", this.redirectUri());
      location.assign(url);
    }
  }

  // ------------------------------------------------------------ development

  beginDevelopment() {
    const chosen = localStorage.getItem(CHOSEN);
    if (!chosen) return;
    try {
      const { sub, scopes } = JSON.parse(chosen);
      if (typeof sub === "string" && Array.isArray(scopes)) this.choose(sub, scopes.filter(isKnown));
    } catch {
      localStorage.removeItem(CHOSEN);
    }
  }

  /**
   * @param {string} sub
   * @param {string[]} scopes
   */
  choose(sub, scopes) {
    this.accessToken = `dev:${sub}:${scopes.join(",")}`;
    this.identity = { name: sub, sub, scopes };
    this.problem = "";
    localStorage.setItem(CHOSEN, JSON.stringify({ sub, scopes }));
    this.changed();
  }

  // ------------------------------------------------------------------ OAuth

  async beginOAuth() {
    const parameters = new URLSearchParams(location.search);
    if (parameters.has("code") || parameters.has("error")) {
      const pending = readPending();
      sessionStorage.removeItem(PENDING);
      history.replaceState(null, "", `${location.pathname}${pending?.view ?? ""}`);
      try {
        await this.finishSignIn(parameters, pending);
      } catch (error) {
        this.problem = `Signing in did not succeed. ${error instanceof Error ? error.message : ""}`.trim();
      }
      return;
    }
    // A reload loses the tokens. The issuer still knows the person, so this is silent.
    if (sessionStorage.getItem(RETURNING)) {
      sessionStorage.removeItem(RETURNING);
      await this.signIn();
    }
  }

  /** Where the issuer sends the browser: to this page, or to what leads to it. */
  redirectUri() {
    return this.config.redirectUri ?? `${location.origin}/`;
  }

  /** Goes to the issuer. */
  async signIn() {
    const { authorizeUrl, clientId, scopes } = this.config;
    if (!authorizeUrl || !clientId) return;
    const pending = { state: randomText(), nonce: randomText(), verifier: randomText(), view: location.hash };
    sessionStorage.setItem(PENDING, JSON.stringify(pending));
    const wanted = Array.isArray(scopes) ? scopes : String(scopes ?? "").split(" ");
    const url = new URL(authorizeUrl);
    const query = {
      response_type: "code",
      client_id: clientId,
      redirect_uri: this.redirectUri(),
      scope: [...new Set(["openid", ...wanted.filter(Boolean)])].join(" "),
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await challenge(pending.verifier),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    location.assign(url);
  }

  /**
   * @param {URLSearchParams} parameters
   * @param {{state: string, nonce: string, verifier: string} | null} pending
   */
  async finishSignIn(parameters, pending) {
    if (!pending || parameters.get("state") !== pending.state) {
      throw new Error("The answer does not belong to a sign-in of this tab. Sign in again.");
    }
    if (parameters.has("error")) {
      throw new Error(parameters.get("error_description") ?? parameters.get("error") ?? "");
    }
    const tokens = await this.requestTokens({
      grant_type: "authorization_code",
      code: parameters.get("code") ?? "",
      redirect_uri: this.redirectUri(),
      code_verifier: pending.verifier,
    });
    const claims = claimsOf(tokens.id_token);
    const audience = [claims["aud"]].flat();
    if (claims["nonce"] !== pending.nonce) throw new Error("The identity is for another sign-in. Sign in again.");
    if (claims["iss"] !== this.config.issuer || !audience.includes(this.config.clientId)) {
      throw new Error("The identity is from another issuer, or for another page.");
    }
    this.accept(tokens);
  }

  /** @param {Record<string, string>} parameters */
  async requestTokens(parameters) {
    const body = new URLSearchParams({ ...parameters, client_id: this.config.clientId ?? "" });
    const response = await fetch(this.config.tokenUrl ?? "", { method: "POST", body, credentials: "omit", cache: "no-store" });
    const tokens = await response.json();
    if (!response.ok || typeof tokens.access_token !== "string") {
      throw new Error(String(tokens.error_description ?? tokens.error ?? `The issuer answered ${response.status}.`));
    }
    return tokens;
  }

  /** @param {any} tokens */
  accept(tokens) {
    const access = claimsOf(tokens.access_token);
    const person = tokens.id_token ? claimsOf(tokens.id_token) : {};
    const sub = String(access["sub"] ?? person["sub"] ?? "");
    const scopes = String(access["scope"] ?? tokens.scope ?? "").split(" ").filter(isKnown);
    this.accessToken = tokens.access_token;
    this.refreshToken = tokens.refresh_token ?? this.refreshToken;
    this.identity = { name: String(person["name"] ?? person["email"] ?? this.identity?.name ?? access["username"] ?? sub), sub, scopes };
    this.problem = "";
    sessionStorage.setItem(RETURNING, "1");
    clearTimeout(this.renewal);
    const lifetime = Number(tokens.expires_in ?? 3600) * 1000;
    this.renewal = setTimeout(() => void this.renew(), Math.max(5_000, lifetime - RENEW_BEFORE));
    this.changed();
  }

  renew() {
    this.renewing ??= this.requestRenewal().finally(() => {
      this.renewing = null;
    });
    return this.renewing;
  }

  async requestRenewal() {
    const refreshToken = this.refreshToken;
    if (!refreshToken) return this.end("Your session has ended. Sign in again to continue.");
    try {
      this.accept(await this.requestTokens({ grant_type: "refresh_token", refresh_token: refreshToken }));
    } catch (error) {
      // Without a network the token may still be good: try again before giving up.
      if (error instanceof TypeError) this.renewal = setTimeout(() => void this.renew(), 10_000);
      else this.end("Your session has ended. Sign in again to continue where you left off.");
    }
  }
}

function readPending() {
  try {
    return JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
  } catch {
    return null;
  }
}

function randomText() {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

/** @param {string} verifier */
async function challenge(verifier) {
  return base64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** @param {Uint8Array} bytes */
function base64Url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/**
 * The claims of a token, for display and for the checks of the flow. The API verifies the
 * signature; this token came from the issuer over TLS.
 *
 * @param {string} token
 * @returns {Record<string, any>}
 */
function claimsOf(token) {
  try {
    const part = String(token).split(".")[1] ?? "";
    const bytes = Uint8Array.from(atob(part.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}
