// @ts-check
// Requests to the API. Reads are conditional: an unchanged answer costs no body.

/** What the API said was wrong, for people. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 if there was no answer
   * @param {any} problem
   */
  constructor(status, problem) {
    super(problemText(status, problem));
    this.status = status;
    this.problem = problem;
  }
}

/** @param {number} status @param {any} problem */
function problemText(status, problem) {
  if (status === 0) return "The server does not answer.";
  if (typeof problem?.detail === "string" && problem.detail) return sentence(problem.detail);
  if (typeof problem?.title === "string" && problem.title) return sentence(problem.title);
  return `The server answered ${status}.`;
}

/** @param {string} text */
function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/**
 * @typedef {object} ReadResult
 * @property {any} body
 * @property {boolean} changed false: the same as the last time
 * @property {string | null} etag
 */

/** How long a request may take. The API Gateway's own limit is 30 seconds. */
const TIMEOUT = 31_000;
/** How many answers are kept for conditional reads. */
const MAX_KEPT = 64;

export class Api {
  /** @param {() => Promise<string | null>} token */
  constructor(token) {
    this.token = token;
    /** @type {Map<string, {etag: string, body: any}>} */
    this.kept = new Map();
    /** @type {(reachable: boolean) => void} */
    this.onReachable = () => {};
    /** @type {() => void} */
    this.onUnauthorized = () => {};
  }

  /**
   * @param {string} path
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<ReadResult>}
   */
  async read(path, options = {}) {
    const kept = this.kept.get(path);
    /** @type {Record<string, string>} */
    const headers = kept ? { "If-None-Match": kept.etag } : {};
    const response = await this.send("GET", path, { headers, ...options });
    if (response.status === 304 && kept) return { body: kept.body, changed: false, etag: kept.etag };
    const body = await readBody(response);
    const etag = response.headers.get("etag");
    this.kept.delete(path);
    if (etag) {
      this.kept.set(path, { etag, body });
      const oldest = this.kept.size > MAX_KEPT ? this.kept.keys().next().value : undefined;
      if (oldest !== undefined) this.kept.delete(oldest);
    }
    return { body, changed: true, etag };
  }

  /** @param {string} path @param {{signal?: AbortSignal}} [options] */
  async get(path, options) {
    return (await this.read(path, options)).body;
  }

  /**
   * @param {"POST" | "PUT" | "DELETE"} method
   * @param {string} path
   * @param {any} [body]
   * @param {Record<string, string>} [headers]
   */
  async write(method, path, body, headers = {}) {
    return readBody(await this.send(method, path, { body, headers }));
  }

  /** @param {string} path @param {any} [body] @param {Record<string, string>} [headers] */
  post(path, body, headers) {
    return this.write("POST", path, body, headers);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{body?: any, headers?: Record<string, string>, signal?: AbortSignal}} options
   */
  async send(method, path, { body, headers = {}, signal }) {
    const token = await this.token();
    const all = new Headers(headers);
    all.set("Accept", "application/json");
    if (token) all.set("Authorization", `Bearer ${token}`);
    if (body !== undefined) all.set("Content-Type", "application/json");
    const limit = AbortSignal.timeout(TIMEOUT);
    let response;
    try {
      response = await fetch(path, {
        method,
        headers: all,
        body: body === undefined ? null : JSON.stringify(body),
        cache: "no-store",
        credentials: "omit",
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      this.onReachable(false);
      throw new ApiError(0, null);
    }
    this.onReachable(response.status < 502);
    if (response.ok || response.status === 304) return response;
    const problem = await readBody(response).catch(() => null);
    if (response.status === 401) this.onUnauthorized();
    throw new ApiError(response.status, problem);
  }

  /** Forgets what was read, for another person. */
  forget() {
    this.kept.clear();
  }
}

/** @param {Response} response */
async function readBody(response) {
  const text = await response.text();
  return text === "" ? null : JSON.parse(text);
}

/** A new value for `Idempotency-Key`. */
export function newKey() {
  return crypto.randomUUID();
}
