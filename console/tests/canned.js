// Answers of the API for tests of the page alone: one order in each kind of trouble.

const at = "2026-11-28T10:00:00Z";
export const orderId = (number) => `ord_${String(number).padStart(32, "0")}`;

const ROWS = [
  { orderId: orderId(1), status: "IN_REVIEW", attention: "REVIEW", deadline: "2026-11-30T10:00:00Z" },
  { orderId: orderId(2), status: "BACKORDERED", attention: "BACKORDER", waitsFor: "GLOBE-01", deadline: "2026-12-01T10:00:00Z" },
  { orderId: orderId(3), status: "NEEDS_ATTENTION", attention: "OPERATOR" },
  { orderId: orderId(4), status: "SHIPPING" },
  { orderId: orderId(5), status: "FULFILLED" },
  { orderId: orderId(6), status: "OUT_OF_STOCK" },
].map((row) => ({ customerId: "customer-1", total: { amount: 125000, currency: "USD" }, createdAt: at, updatedAt: at, ...row }));

const visit = (name, type, more = {}) => ({ name, type, enteredAt: at, exitedAt: at, attempts: type === "Task" ? 1 : 0, ...more });
const EXECUTION = {
  status: "RUNNING", startedAt: at,
  states: [
    visit("ScheduledForLater", "Choice"), visit("ProcessPayment", "Task", { attempts: 2, error: "Sandbox.Timedout" }), visit("ReviewRequired", "Choice"), visit("CheckInventory", "Task"),
    visit("InventoryCheckPassed", "Choice"), visit("InitiateShipping", "Task"), visit("CapturePayment", "Task", { attempts: 21, error: "PaymentOutcomeUnknown" }), visit("AwaitOperator", "Task", { exitedAt: undefined }),
  ],
};

const SUCCEEDED = { status: "SUCCEEDED", startedAt: at, states: EXECUTION.states.slice(0, -1).map((state) => ({ ...state, attempts: 1, error: undefined })) };

const ACTIONS = { IN_REVIEW: ["cancel", "review"], NEEDS_ATTENTION: ["resume:capture", "resume:compensate", "resume:compensate-with-refund"], BACKORDERED: ["cancel"] };

function order(row) {
  const isFailed = row.status === "OUT_OF_STOCK";
  return {
    ...row,
    attention: row.attention && { kind: row.attention, since: at, ...(row.attention === "OPERATOR" ? { cause: "GIVEN_UP" } : {}) },
    items: [{ sku: "LAMP-01", title: "Desk lamp", quantity: 2, unitPrice: { amount: 3900, currency: "USD" } }],
    timeline: [{ at, status: "RECEIVED" }, { at, status: "AUTHORIZED" }, { at, status: row.status }],
    payment: { status: "AUTHORIZED" }, cancellable: false, actions: ACTIONS[row.status] ?? [],
    ...(isFailed ? { failure: { code: row.status, reason: "Not everything that was ordered is in stock.", skus: ["LAMP-01"] } } : {}),
    ...(row.status === "FULFILLED" ? { shipment: { carrier: "USPS", service: "Priority", trackingCode: "9400100", trackingUrl: "https://example.com/9400100" } } : {}),
    review: { required: row.status === "IN_REVIEW", reasons: ["TOTAL_ABOVE_THRESHOLD", "ELEVATED_RISK"], deadline: row.deadline },
    facts: { money: { state: "CAPTURED", known: false }, label: { state: "BOUGHT", known: true }, stock: { state: "RESERVED", known: true } },
    audit: [{ at, actor: "olivia", action: "resume:capture", note: "the provider is back" }],
  };
}

export function answer({ url }) {
  const { pathname, searchParams } = url;
  if (pathname === "/board") {
    return { body: { asOf: at, states: [["ProcessPayment", 4], ["AwaitReview", 1], ["AwaitRestock", 12], ["CancelPayment", 2], ["AwaitOperator", 1]].map(([name, orders]) => ({ name, orders })), statuses: [{ status: "IN_REVIEW", orders: 20 }], attention: [{ kind: "REVIEW", orders: 1 }, { kind: "OPERATOR", orders: 1 }, { kind: "BACKORDER", orders: 12 }], closedToday: [{ status: "FULFILLED", orders: 7 }] } };
  }
  if (pathname === "/orders") return { body: { orders: ROWS.filter((row) => !searchParams.has("attention") || row.attention === searchParams.get("attention")), nextCursor: "x" } };
  if (pathname.endsWith("/execution")) return { body: pathname.includes(orderId(5)) ? SUCCEEDED : EXECUTION };
  const row = ROWS.find(({ orderId: id }) => pathname === `/orders/${id}`);
  if (row) return { body: order(row) };
  const item = { sku: "LAMP-01", title: "Desk lamp", unitPrice: { amount: 3900, currency: "USD" }, weightGrams: 900, available: 0, received: 60, reserved: 60 };
  if (pathname === "/inventory") return { body: { items: [item] } };
  if (pathname === "/inventory/LAMP-01") return { body: { ...item, audit: [{ at, actor: "walter", action: "product:restock", detail: "+40" }] } };
  return undefined;
}
