// Serves the page's files as `order-api` does, and answers of the API that a test makes
// up. Requests are logged.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const TYPES = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
const POLICY = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; img-src 'self' data:; script-src 'self'; style-src 'self'; connect-src 'self'";
const folder = new URL("../", import.meta.url);

/**
 * @param {(request: {method: string, url: URL, headers: import("node:http").IncomingHttpHeaders, body: string}) => {status?: number, headers?: Record<string, string>, body?: any} | undefined} answer
 * @param {any} [config]
 */
export async function startPage(answer, config = { signIn: "development" }) {
  const page = { base: "", config, requests: /** @type {{method: string, path: string, at: number, ifNoneMatch?: string}[]} */ ([]) };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", page.base);
    const send = (/** @type {number} */ status, /** @type {any} */ body, /** @type {Record<string, string>} */ headers = {}) =>
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(body === undefined ? undefined : JSON.stringify(body));
    if (url.pathname === "/console/config.json") return send(200, page.config);
    if (url.pathname === "/console/workflow.json") return response.end(await readFile(new URL("../statemachine.asl.json", folder)));
    const file = url.pathname === "/" ? "index.html" : /^\/console\/([a-z/_-]+\.(js|css|svg))$/.exec(url.pathname)?.[1];
    if (file) {
      const content = file.startsWith("local/") ? null : await readFile(new URL(file, folder)).catch(() => null);
      if (!content) return response.writeHead(404).end();
      const type = TYPES[/** @type {keyof typeof TYPES} */ (file.split(".").pop())];
      return response.writeHead(200, { "content-type": type, "content-security-policy": POLICY }).end(content);
    }
    let body = "";
    for await (const chunk of request) body += chunk;
    page.requests.push({ method: request.method ?? "", path: url.pathname, at: Date.now(), ifNoneMatch: request.headers["if-none-match"] });
    const given = answer({ method: request.method ?? "", url, headers: request.headers, body });
    return send(given?.status ?? (given ? 200 : 404), given?.body ?? (given?.status ? undefined : { title: "Not found" }), given?.headers);
  });
  const listen = (/** @type {number} */ port) => new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(undefined)));
  await listen(0);
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  page.base = `http://127.0.0.1:${port}`;
  const stop = () => new Promise((resolve) => {
    server.close(() => resolve(undefined));
    server.closeAllConnections();
  });
  return { page, stop, startAgain: () => listen(port) };
}
