"""schemathesis asks a running `cargo local up` everything that the served document
allows and forbids, with all of its checks.

It prepares a shop by real requests and by the look-alikes' faults (orders under
review, stuck, closed with attention), has schemathesis run twice on
`/openapi.json`, once in all phases with valid and invalid cases, once with valid
ones only, and then counts the answers of each operation: at least 200 cases, at
least 30 % of them 2xx, no server error, nothing undocumented. Exit 1 otherwise.

Needs schemathesis (.ci/requirements.txt). What stands on its command line is given
on to `cargo local up`.
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
SCOPES = "orders/read,orders/write,orders/operate,inventory/write"
TOKEN = f"Bearer dev:{SUB}:{SCOPES}"
# What the local stack signs with (local/stack/src/stack/providers.rs).
STRIPE, EASYPOST = "whsec_local", "local-webhook-secret"
CASES, SHARE = 200, 0.30
# How many orders of each kind the decisions use up.
POOLS = {"review": 400, "stuck": 300, "closed": 150}
PATIENCE_S = 900


def order_id(key):
    """The id that `POST /orders` gives to this request of ours."""
    return "ord_" + uuid.uuid5(ORDERS, f"{len(SUB)}:{SUB}{len(key)}:{key}").hex


class Shop:
    """A running stack with orders in each state."""

    def __init__(self, urls):
        self.urls = urls
        self.workers = concurrent.futures.ThreadPoolExecutor(8)

    def ask(self, method, path, body=None, **headers):
        status, answer = call(method, self.urls["api"] + path, body, authorization=TOKEN, **headers)
        if status >= 300:
            sys.exit(f"{method} {path}: {status} {answer}")
        return answer

    def stock(self):
        """Enough on every shelf; the stack has filled them from events/stock.json. The prices."""
        items = self.ask("GET", "/inventory")["items"]
        prices = {item["sku"]: item["unitPrice"]["amount"] for item in items}
        for sku in prices:
            path = f"/inventory/{sku}/restock"
            self.ask("POST", path, {"quantity": 1_000_000}, idempotency_key="enough")
        return prices

    def fault(self, order, at, kind, first=1):
        """Lets this go wrong for this order, from the call of this number on."""
        server = self.urls.get(at.split(".")[0], self.urls["aws"])
        plan = [{"at": at, "kind": kind, "calls": {"from": first}, "order": order}]
        status, said = call("POST", f"{server}/_faults", plan)
        if status >= 300:
            sys.exit(f"the fault at {at}: {status} {said}")

    def place(self, key, sample, *faults):
        for fault in faults:
            self.fault(order_id(key), *fault)
        body = json.loads((ROOT / f"events/orders/{sample}.json").read_text())
        return self.ask("POST", "/orders", body, idempotency_key=key)["orderId"]

    def pool(self, name, sample, *faults):
        keys = [f"{name}-{number}" for number in range(POOLS[name])]
        return list(self.workers.map(lambda key: self.place(key, sample, *faults), keys))

    def reaches(self, ids, status, attention=None):
        """Waits until all of these are there."""
        deadline, left = time.monotonic() + PATIENCE_S, set(ids)
        while left:
            seen = self.workers.map(lambda order: self.ask("GET", f"/orders/{order}"), left)
            left = {order["orderId"] for order in seen if order["status"] != status}
            if time.monotonic() > deadline:
                sys.exit(f"{len(left)} orders did not come to {status}: {sorted(left)[:3]}")
            time.sleep(1)

    def prepare(self):
        prices = self.stock()
        # The function dies whenever it captures; after three more attempts a person must look.
        stuck = self.pool("stuck", "one-item", ("function.process-payment", "kill", 2))
        # The bank has let go of the money, and the carrier will not take the label back.
        refused = [("gateway.capture", "refuse"), ("carrier.refund", "refuse")]
        closed = self.pool("closed", "one-item", *refused)
        review = self.pool("review", "needs-review")
        fulfilled = self.place("fulfilled", "two-items")
        self.reaches([fulfilled], "FULFILLED")
        self.reaches(closed, "PAYMENT_FAILED")
        self.reaches(review, "IN_REVIEW")
        self.reaches(stuck, "NEEDS_ATTENTION")
        return {
            "api": self.urls["api"],
            "token": TOKEN,
            "stripe": STRIPE,
            "easypost": EASYPOST,
            "prices": prices,
            "fulfilled": fulfilled,
            "cursor": self.ask("GET", "/orders?limit=1")["nextCursor"],
            "pools": {"review": review, "stuck": stuck, "closed": closed},
        }


def run_schemathesis(folder, urls, *words):
    command = ["schemathesis", "--config-file", str(ROOT / ".ci/schemathesis.toml"), "run"]
    command += [f"{urls['api']}/openapi.json", "--header", f"Authorization: {TOKEN}"]
    command += ["--checks", "all", "--continue-on-failure", "--max-examples", str(CASES), *words]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / ".ci"),
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "SCHEMATHESIS_WORLD": str(folder),
    }
    return subprocess.run(command, cwd=folder, env=environment).returncode


def ask_again(urls, document, counts):
    """An operation that takes nothing has one case: it is asked until there are enough,
    with all checks each time."""
    import schemathesis

    schema = schemathesis.openapi.from_url(f"{urls['api']}/openapi.json")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "parameters" in operation or "requestBody" in operation:
                continue
            statuses = counts[f"{method.upper()} {path}"]
            case = schema[path][method.upper()].Case()
            for _ in range(CASES - sum(statuses.values())):
                answer = case.call_and_validate(headers={"Authorization": TOKEN})
                statuses[str(answer.status_code)] += 1


def counted(folder):
    """The answers of each operation, over all runs."""
    counts = collections.defaultdict(collections.Counter)
    for file in folder.glob("counts-*.json"):
        for operation, statuses in json.loads(file.read_text()).items():
            counts[operation].update(statuses)
    return counts


def report(counts, document):
    """Prints the table; what of it falls short."""
    short = []
    print(f"\n{'operation':<36} {'cases':>6} {'2xx':>6}  statuses")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            label = f"{method.upper()} {path}"
            statuses = counts.get(label, collections.Counter())
            cases = sum(statuses.values())
            share = sum(n for status, n in statuses.items() if status[0] == "2") / max(cases, 1)
            listed = " ".join(f"{status}:{n}" for status, n in sorted(statuses.items()))
            print(f"{label:<36} {cases:>6} {share:>6.1%}  {listed}")
            if cases < CASES:
                short.append(f"{label}: {cases} cases")
            if share < SHARE:
                short.append(f"{label}: {share:.1%} are 2xx")
            unknown = sorted(set(statuses) - set(operation["responses"]))
            failed = [status for status in statuses if status[0] == "5"]
            short += [f"{label}: {status} is not documented" for status in unknown]
            short += [f"{label}: answered {status}" for status in failed]
    return short


def main():
    os.environ.update(ENVIRONMENT)
    with running_stack(*sys.argv[1:]) as urls, tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        shop = Shop(urls)
        (folder / "world.json").write_text(json.dumps(shop.prepare()))
        began = time.monotonic()
        codes = [
            run_schemathesis(folder, urls, "--mode", "all"),
            run_schemathesis(folder, urls, "--mode", "positive", "--phases", "fuzzing"),
        ]
        document = shop.ask("GET", "/openapi.json")
        counts = counted(folder)
        ask_again(urls, document, counts)
        short = report(counts, document)
        print(f"{time.monotonic() - began:.0f} s")
    short += [f"schemathesis ended with {code}" for code in codes if code]
    sys.exit("\n".join(short) if short else 0)


if __name__ == "__main__":
    main()
