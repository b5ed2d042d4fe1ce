// @ts-check
// The shell: sign-in, navigation, what every view shares. Each view is a module;
// each is loaded when it is first opened.

import { Api } from "./api.js";
import { DEVELOPMENT_IDENTITIES, Session } from "./auth.js";
import { setServerTime } from "./clock.js";
import { append, h, icon, ICONS, setAttributes, setText } from "./dom.js";
import { poll, pollNow } from "./poll.js";

/**
 * @typedef {object} View
 * @property {string} title
 * @property {HTMLElement} element
 * @property {() => void} destroy
 *
 * @typedef {object} Context what a view is given
 * @property {Api} api
 * @property {Session} session
 * @property {boolean} isLocal whether the local stack serves this page
 * @property {() => Promise<any>} workflow the definition of the state machine
 * @property {(message: string, tone?: string) => void} toast
 * @property {(title: string) => void} setTitle
 * @property {(at?: string) => void} fresh the view has new data
 * @property {() => Promise<any>} board the last board; for the counts in the navigation
 *
 * @typedef {{pattern: RegExp, load: () => Promise<{open: (context: Context, ...parts: string[]) => View}>, scope: string}} Route
 */

/** @type {Route[]} */
const ROUTES = [
  { pattern: /^#\/board(?:\?.*)?$/, load: () => import("./views/board.js"), scope: "orders/operate" },
  { pattern: /^#\/orders\/(ord_[0-9a-f]{32})$/, load: () => import("./views/order.js"), scope: "orders/read" },
  { pattern: /^#\/queues\/(review|stuck|backorders)$/, load: () => import("./views/queues.js"), scope: "orders/operate" },
  { pattern: /^#\/stock(?:\/.*)?$/, load: () => import("./views/stock.js"), scope: "" },
  { pattern: /^#\/orders$/, load: () => import("./views/my-orders.js"), scope: "orders/read" },
];

const NAVIGATION = [
  { href: "#/board", text: "Board", match: /^#\/board/, scope: "orders/operate", count: "" },
  { href: "#/queues/review", text: "Review", match: /^#\/queues\/review/, scope: "orders/operate", count: "REVIEW" },
  { href: "#/queues/stuck", text: "Stuck", match: /^#\/queues\/stuck/, scope: "orders/operate", count: "OPERATOR" },
  { href: "#/queues/backorders", text: "Back-orders", match: /^#\/queues\/backorders/, scope: "orders/operate", count: "BACKORDER" },
  { href: "#/stock", text: "Stock", match: /^#\/stock/, scope: "inventory/write", count: "" },
  { href: "#/orders", text: "My orders", match: /^#\/orders$/, scope: "orders/write", count: "" },
];

/** On other views the navigation's counts are read so much less often than the board's. */
const SLOWER_COUNTS = 5;

async function start() {
  applyTheme();
  /** @type {import("./auth.js").Config} */
  let config;
  try {
    config = await (await fetch("/console/config.json")).json();
  } catch {
    append(document.body, [failureToStart()]);
    return;
  }
  const session = new Session(config);
  await session.begin();
  new Shell(session);
}

function failureToStart() {
  return h("main", { class: "sign-in" },
    h("div", { class: "panel empty" },
      h("h1", { text: "The server does not answer" }),
      h("p", { text: "Check that it runs, then try again." }),
      h("button", { class: "button button-primary", onclick: () => location.reload() }, "Try again")));
}

class Shell {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.api = new Api(() => session.token());
    this.api.onUnauthorized = () => void session.expire();
    this.api.onReachable = (reachable) => this.setReachable(reachable);
    /** @type {View | null} */
    this.view = null;
    this.opened = "";
    this.who = "";
    this.isLocal = session.config.signIn === "development";
    /** @type {{stop: () => void, now: () => void} | null} */
    this.counts = null;
    /** @type {any} */
    this.lastBoard = null;
    /** @type {Promise<any> | undefined} */
    this.workflow = undefined;
    this.build();
    session.listeners.push(() => this.sessionChanged());
    addEventListener("hashchange", () => void this.route());
    addEventListener("offline", () => this.setReachable(false));
    this.sessionChanged();
  }

  build() {
    this.nav = h("nav", { class: "nav", "aria-label": "Views" });
    this.links = NAVIGATION.map((entry) => {
      const count = h("span", { class: "count", hidden: true });
      const link = h("a", { href: entry.href }, entry.text, count);
      return { ...entry, link, countElement: count };
    });
    this.live = h("span", { class: "live", role: "status" }, h("span", { class: "live-dot" }), h("span", { class: "live-text", text: "Connecting…" }));
    this.person = h("button", { class: "button button-quiet button-small", onclick: () => this.session.signOut() });
    const theme = h("button", { class: "button button-quiet button-icon", "aria-label": "Switch between light and dark", title: "Light or dark", onclick: toggleTheme }, icon(ICONS.sun));
    this.header = h("header", { class: "top" },
      h("a", { class: "brand", href: "#/" }, h("img", { src: "/console/icon.svg", alt: "", width: "22", height: "22" }), "Orders"),
      this.nav, h("div", { class: "top-end" }, this.live, theme, this.person));
    this.offline = h("div", { class: "offline", role: "alert", hidden: true },
      h("span", { class: "offline-text" }, "The server does not answer. What you see may be old. Trying again by itself."),
      h("button", { class: "button button-small", onclick: () => pollNow() }, "Try now"));
    this.main = h("main", { class: "main", id: "main", tabindex: "-1" });
    this.toasts = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
    const skip = h("a", { class: "skip", href: "#main", onclick: (/** @type {Event} */ event) => { event.preventDefault(); this.main?.focus(); } }, "Skip to the content");
    append(document.body, [skip, this.header, this.offline, this.main, this.toasts]);
  }

  /** @param {boolean} reachable */
  setReachable(reachable) {
    if (this.offline) this.offline.hidden = reachable;
    document.documentElement.toggleAttribute("data-offline", !reachable);
    if (!reachable) this.setLive("Not connected");
  }

  /** @param {string} text */
  setLive(text) {
    const element = this.live?.querySelector(".live-text");
    if (element) setText(element, text);
  }

  sessionChanged() {
    const { identity } = this.session;
    const who = identity ? JSON.stringify([identity.sub, identity.scopes]) : "";
    // A renewed token is the same person: nothing changes on the page.
    if (who !== "" && who === this.who) return;
    this.who = who;
    this.close();
    this.api.forget();
    this.counts?.stop();
    this.counts = null;
    this.lastBoard = null;
    if (this.header) this.header.hidden = !identity;
    if (!identity) {
      this.main?.replaceChildren(signInView(this.session));
      document.title = "Sign in · Orders";
      return;
    }
    const visible = this.links?.filter((entry) => this.session.may(entry.scope)) ?? [];
    this.nav?.replaceChildren(...visible.map((entry) => entry.link));
    this.person?.replaceChildren(h("span", { class: "clip person-name" }, h("bdi", { text: identity.name })), icon(ICONS.out), h("span", { class: "visually-hidden", text: "Sign out" }));
    if (this.person) this.person.title = `Signed in as ${identity.name}. Sign out.`;
    if (this.session.may("orders/operate")) {
      this.counts = poll(async (signal) => this.showCounts((await this.api.read("/board", { signal })).body), { slower: () => (this.isOnBoard() ? 1 : SLOWER_COUNTS) });
    }
    void this.route();
  }

  /** @param {any} board */
  showCounts(board) {
    this.lastBoard = board;
    setServerTime(board.asOf);
    this.setLive("Live");
    for (const { count, countElement } of this.links ?? []) {
      if (!count) continue;
      const orders = board.attention?.find((/** @type {any} */ entry) => entry.kind === count)?.orders ?? 0;
      countElement.hidden = orders === 0;
      countElement.dataset["tone"] = count === "OPERATOR" ? "danger" : "warn";
      setText(countElement, orders > 999 ? "999+" : orders);
    }
    dispatchEvent(new CustomEvent("board", { detail: board }));
  }

  close() {
    this.view?.destroy();
    this.view = null;
    this.opened = "";
  }

  /** The view that this person sees first. */
  home() {
    if (this.session.may("orders/operate")) return "#/board";
    if (this.session.may("inventory/write")) return "#/stock";
    return "#/orders";
  }

  /** Whether the counts are what the person looks at. */
  isOnBoard() {
    return /^#\/board/.test(location.hash) || (location.hash.length <= 2 && this.home() === "#/board");
  }

  async route() {
    const { identity } = this.session;
    if (!identity || !this.main) return;
    const hash = location.hash.length > 2 ? location.hash : this.home();
    const route = ROUTES.find((entry) => entry.pattern.test(hash));
    const path = hash.split("?")[0] ?? "";
    for (const { link, match } of this.links ?? []) setAttributes(link, { "aria-current": match.test(hash) ? "page" : null });
    if (path === this.opened) return;
    this.close();
    this.opened = path;
    if (this.isOnBoard()) this.counts?.now();
    if (!route || (route.scope && !this.session.may(route.scope))) {
      this.main.replaceChildren(notHere(route !== undefined, this.home()));
      document.title = "Orders";
      return;
    }
    const module = await route.load();
    if (this.opened !== path) return;
    const parts = (route.pattern.exec(hash) ?? []).slice(1);
    const view = module.open(this.context(), ...parts);
    this.view = view;
    this.main.replaceChildren(view.element);
    document.title = `${view.title} · Orders`;
    scrollTo(0, 0);
  }

  /** @returns {Context} */
  context() {
    return {
      api: this.api,
      session: this.session,
      isLocal: this.isLocal,
      workflow: () => (this.workflow ??= fetch("/console/workflow.json").then((response) => response.json())),
      toast: (message, tone = "ok") => this.toast(message, tone),
      setTitle: (title) => {
        document.title = `${title} · Orders`;
      },
      fresh: () => this.setLive("Live"),
      board: async () => this.lastBoard,
    };
  }

  /** @param {string} message @param {string} tone */
  toast(message, tone) {
    const close = () => toast.remove();
    const toast = h("div", { class: "toast", "data-tone": tone },
      h("p", {}, h("bdi", { text: message })),
      h("button", { class: "button button-quiet button-small", "aria-label": "Dismiss", onclick: close }, "✕"));
    this.toasts?.append(toast);
    while ((this.toasts?.childElementCount ?? 0) > 4) this.toasts?.firstElementChild?.remove();
    setTimeout(close, tone === "danger" ? 15_000 : 6_000);
  }
}

/** @param {boolean} exists @param {string} home */
function notHere(exists, home) {
  return h("div", { class: "panel empty" },
    h("h1", { text: exists ? "This view is not for your role" : "There is no such view" }),
    h("p", { text: exists ? "Sign in with another role to see it." : "The link may be old, or an order id in it incomplete." }),
    h("a", { class: "button", href: home }, "Go to the first view"));
}

/** @param {Session} session */
function signInView(session) {
  const problem = session.problem ? h("p", { class: "notice", "data-tone": "warn", role: "alert", text: session.problem }) : null;
  const head = h("div", { class: "stack" },
    h("img", { src: "/console/icon.svg", alt: "", width: "40", height: "40" }),
    h("h1", { text: "Orders" }));
  if (session.config.signIn === "oauth") {
    return h("div", { class: "sign-in" }, h("div", { class: "panel sign-in-panel" }, head, problem,
      h("p", { class: "soft", text: "Watch orders move through payment, stock and shipping, and act on them." }),
      h("button", { class: "button button-primary", onclick: () => void session.signIn() }, "Sign in")));
  }
  if (session.config.signIn !== "development") {
    return h("div", { class: "sign-in" }, h("div", { class: "panel sign-in-panel" }, head,
      h("p", { text: "Sign-in is not set up: this deployment names no issuer. See docs/deploy.md." })));
  }
  const choices = DEVELOPMENT_IDENTITIES.map(({ title, about, sub, scopes }) =>
    h("li", {}, h("button", { class: "identity", onclick: () => session.choose(sub, scopes) },
      h("strong", { text: title }), h("span", { class: "soft", text: about }),
      h("code", { class: "small soft", text: `${sub}: ${scopes.join(" ")}` }))));
  const sub = h("input", { class: "input", id: "sub", name: "sub", pattern: "[^:]+", required: true, placeholder: "customer-1", autocomplete: "off", spellcheck: "false" });
  const other = h("form", { class: "row other-customer" }, h("label", { for: "sub", class: "small", text: "Or as another customer" }), sub, h("button", { class: "button" }, "Sign in"));
  other.addEventListener("submit", (event) => {
    event.preventDefault();
    if (sub.value.trim()) session.choose(sub.value.trim(), ["orders/read", "orders/write"]);
  });
  return h("div", { class: "sign-in" }, h("div", { class: "panel sign-in-panel" }, head, problem,
    h("p", { class: "soft", text: "The local stack. Choose who you are; there is no password." }),
    h("ul", { class: "identities" }, choices), other));
}

// ---------------------------------------------------------------------- theme

function applyTheme() {
  const theme = localStorage.getItem("orders.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
}

function toggleTheme() {
  const root = document.documentElement;
  const isDark = (root.dataset["theme"] ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  root.dataset["theme"] = isDark ? "light" : "dark";
  localStorage.setItem("orders.theme", root.dataset["theme"]);
}

void start();
