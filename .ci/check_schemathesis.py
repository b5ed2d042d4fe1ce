"""Tests a running `cargo local up` with schemathesis against the OpenAPI document that
it serves, with every check on.

Prepares a shop with real requests and injected faults (orders in review, stuck, and
closed with attention), runs schemathesis twice on `/openapi.json` (all phases with
valid and invalid cases, then valid cases only), and counts the responses of each
operation: at least 200 cases, at least 30 % of them 2xx, no server error, no
undocumented status. Exits 1 otherwise.

Needs schemathesis (.ci/requirements.txt). Arguments are passed on to `cargo local up`.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import uuid

from stack import ENVIRONMENT, ORDERS, ROOT, call, running_stack

SUB = "tester"
# Operators do not review their own orders: the orders in review are another customer's.
REVIEWED_SUB = "reviewed-customer"
SCOPES = "orders/read,orders/write,orders/operate,inventory/write"
TOKEN = f"Bearer dev:{SUB}:{SCOPES}"
# The webhook secrets of the local stack (local/stack/src/stack/secrets.rs).
STRIPE, EASYPOST = "whsec_local", "local-webhook-secret"
MIN_CASES, MIN_SUCCESS_SHARE = 200, 0.30
# How many orders of each kind the decision routes use up.
POOLS = {"review": 400, "stuck": 300, "closed": 150}
TIMEOUT_S = 900


def order_id(key, sub=SUB):
    """The id that `POST /orders` derives from the customer and the key."""
    return "ord_" + uuid.uuid5(ORDERS, f"{len(sub)}:{sub}{len(key)}:{key}").hex


class Shop:
    """A running stack with orders in each state."""

    def __init__(self, urls):
        self.urls = urls
        self.workers = concurrent.futures.ThreadPoolExecutor(8)

    def request(self, method, path, body=None, sub=SUB, **headers):
        headers["authorization"] = f"Bearer dev:{sub}:{SCOPES}"
        status, answer = call(method, self.urls["api"] + path, body, **headers)
        if status >= 300:
            sys.exit(f"{method} {path}: {status} {answer}")
        return answer

    def stock(self):
        """Restocks every SKU of events/stock.json; returns the prices."""
        items = self.request("GET", "/inventory?limit=100")["items"]
        prices = {item["sku"]: item["unitPrice"]["amount"] for item in items}
        for sku in prices:
            path = f"/inventory/{sku}/restock"
            self.request("POST", path, {"quantity": 1_000_000}, idempotency_key="enough")
        return prices

    def fault(self, order, at, kind, first=1):
        """Injects a fault for one order, from its nth call on."""
        server = self.urls.get(at.split(".")[0], self.urls["aws"])
        plan = [{"at": at, "kind": kind, "calls": {"from": first}, "order": order}]
        status, answer = call("POST", f"{server}/_faults", plan)
        if status >= 300:
            sys.exit(f"the fault at {at}: {status} {answer}")

    def place(self, key, sample, *faults, sub=SUB):
        for fault in faults:
            self.fault(order_id(key, sub), *fault)
        body = json.loads((ROOT / f"events/orders/{sample}.json").read_text())
        return self.request("POST", "/orders", body, sub, idempotency_key=key)["orderId"]

    def pool(self, name, sample, *faults, sub=SUB):
        keys = [f"{name}-{number}" for number in range(POOLS[name])]
        return list(self.workers.map(lambda key: self.place(key, sample, *faults, sub=sub), keys))

    def wait_for(self, ids, status):
        """Waits until all of these orders have this status."""
        deadline, left = time.monotonic() + TIMEOUT_S, set(ids)
        while left:
            seen = self.workers.map(lambda order: self.request("GET", f"/orders/{order}"), left)
            left = {order["orderId"] for order in seen if order["status"] != status}
            if time.monotonic() > deadline:
                sys.exit(f"{len(left)} orders did not reach {status}: {sorted(left)[:3]}")
            time.sleep(1)

    def prepare(self):
        prices = self.stock()
        # The function dies at every capture; after three more attempts an operator must decide.
        stuck = self.pool("stuck", "one-item", ("function.process-payment", "kill", 2))
        # Stripe rejects the capture, and EasyPost rejects the refund of the label.
        refused = [("gateway.capture", "refuse"), ("carrier.refund", "refuse")]
        closed = self.pool("closed", "one-item", *refused)
        review = self.pool("review", "needs-review", sub=REVIEWED_SUB)
        fulfilled = self.place("fulfilled", "two-items")
        self.wait_for([fulfilled], "FULFILLED")
        self.wait_for(closed, "PAYMENT_FAILED")
        self.wait_for(review, "IN_REVIEW")
        self.wait_for(stuck, "NEEDS_ATTENTION")
        return {
            "api": self.urls["api"],
            "token": TOKEN,
            "stripe": STRIPE,
            "easypost": EASYPOST,
            "prices": prices,
            "fulfilled": fulfilled,
            "cursor": self.request("GET", "/orders?limit=1")["nextCursor"],
            "pools": {"review": review, "stuck": stuck, "closed": closed},
        }


def run_schemathesis(folder, urls, *words):
    command = ["schemathesis", "--config-file", str(ROOT / ".ci/schemathesis.toml"), "run"]
    command += [f"{urls['api']}/openapi.json", "--header", f"Authorization: {TOKEN}"]
    command += ["--checks", "all", "--continue-on-failure", "--max-examples", str(MIN_CASES), *words]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / ".ci"),
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "SCHEMATHESIS_SHOP": str(folder),
    }
    return subprocess.run(command, cwd=folder, env=environment).returncode


def repeat_operations_without_input(urls, document, counts):
    """Repeats operations without input until each has enough cases.

    They have one case only; every check runs each time.
    """
    import schemathesis

    schema = schemathesis.openapi.from_url(f"{urls['api']}/openapi.json")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "parameters" in operation or "requestBody" in operation:
                continue
            statuses = counts[f"{method.upper()} {path}"]
            case = schema[path][method.upper()].Case()
            for _ in range(MIN_CASES - sum(statuses.values())):
                answer = case.call_and_validate(headers={"Authorization": TOKEN})
                statuses[str(answer.status_code)] += 1


def read_counts(folder):
    """Returns the responses of each operation, over all runs."""
    counts = collections.defaultdict(collections.Counter)
    for file in folder.glob("counts-*.json"):
        for operation, statuses in json.loads(file.read_text()).items():
            counts[operation].update(statuses)
    return counts


def report(counts, document):
    """Prints the table and returns what falls short."""
    failures = []
    print(f"\n{'operation':<36} {'cases':>6} {'2xx':>6}  statuses")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            label = f"{method.upper()} {path}"
            statuses = counts.get(label, collections.Counter())
            cases = sum(statuses.values())
            share = sum(n for status, n in statuses.items() if status[0] == "2") / max(cases, 1)
            listed = " ".join(f"{status}:{n}" for status, n in sorted(statuses.items()))
            print(f"{label:<36} {cases:>6} {share:>6.1%}  {listed}")
            if cases < MIN_CASES:
                failures.append(f"{label}: {cases} cases")
            if share < MIN_SUCCESS_SHARE:
                failures.append(f"{label}: {share:.1%} are 2xx")
            unknown = sorted(set(statuses) - set(operation["responses"]))
            server_errors = [status for status in statuses if status[0] == "5"]
            failures += [f"{label}: {status} is not documented" for status in unknown]
            failures += [f"{label}: answered {status}" for status in server_errors]
    return failures


def main():
    os.environ.update(ENVIRONMENT)
    with running_stack(*sys.argv[1:]) as urls, tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        shop = Shop(urls)
        (folder / "shop.json").write_text(json.dumps(shop.prepare()))
        began = time.monotonic()
        codes = [
            run_schemathesis(folder, urls, "--mode", "all"),
            run_schemathesis(folder, urls, "--mode", "positive", "--phases", "fuzzing"),
        ]
        document = shop.request("GET", "/openapi.json")
        counts = read_counts(folder)
        repeat_operations_without_input(urls, document, counts)
        failures = report(counts, document)
        print(f"{time.monotonic() - began:.0f} s")
    failures += [f"schemathesis ended with {code}" for code in codes if code]
    sys.exit("\n".join(failures) if failures else 0)


if __name__ == "__main__":
    main()
