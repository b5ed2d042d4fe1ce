"""What schemathesis is told of the shop: which orders and SKUs there are, and how the
providers sign.

Loaded by `schemathesis run` (SCHEMATHESIS_HOOKS); `.ci/schemathesis.py` runs that and
says what is in WORLD. A case that is generated as valid is led to something that
exists, as the document cannot name it; a case that is generated as invalid stays
exactly as it is.
"""

import atexit
import collections
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import time
import uuid

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

import stack

FOLDER = pathlib.Path(os.environ["SCHEMATHESIS_WORLD"])
WORLD = json.loads((FOLDER / "world.json").read_text())
TOKEN = {"authorization": WORLD["token"]}
# Orders that are in each state that a decision takes; each serves once.
pools = {name: collections.deque(ids) for name, ids in WORLD["pools"].items()}
PRICES = WORLD["prices"]
MOST_MONEY = 99_999_999
skus = itertools.cycle(PRICES)
turns = itertools.cycle([True, True, True, True, False])
counts = collections.defaultdict(collections.Counter)


def sound(case, location):
    """Whether this part of the case is as the document says."""
    return case.meta is not None and not case.meta.is_negative_at(location)


def is_valid(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


def place(**more):
    """Places an order by a request of its own."""
    body = {**json.loads((stack.ROOT / "events/orders/one-item.json").read_text()), **more}
    key = f"hook-{uuid.uuid4()}"
    status, placed = stack.call("POST", f"{WORLD['api']}/orders", body, idempotency_key=key, **TOKEN)
    assert status == 202, placed
    return placed["orderId"]


def in_days(days):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86_400))


def take(pool, case):
    """An order of this pool; a valid case has one for itself."""
    waiting = pools[pool]
    return waiting.popleft() if waiting and is_valid(case) else WORLD["fulfilled"]


def order_for(case):
    """The id of an order for which a valid case of this operation succeeds."""
    operation_id = case.operation.definition.raw["operationId"]
    if operation_id == "cancelOrder" and is_valid(case):
        return place(scheduledFor=in_days(30), paymentCustomer="cus_1")
    if operation_id == "reviewOrder":
        return take("review", case)
    if operation_id == "resumeOrder":
        action = case.body.get("action") if isinstance(case.body, dict) else None
        return take("closed" if action == "acknowledge" else "stuck", case)
    return WORLD["fulfilled"]


def order_body(body):
    """The generated order, of things that the shop sells, at a date that can be."""
    lines, total = [], 0
    for line in body["items"]:
        line["sku"] = next(skus)
        total += PRICES[line["sku"]] * int(line["quantity"])
        # The gateway charges no more at once, which no schema can say of a sum.
        if total > MOST_MONEY:
            total -= PRICES[line["sku"]] * int(line["quantity"])
            break
        lines.append(line)
    body["items"] = lines
    # Now and then another total than ours stays: a conflict, as documented.
    if "expectedTotal" in body and next(turns):
        body["expectedTotal"] = {"amount": total, "currency": "USD"}
    if "scheduledFor" in body:
        body["scheduledFor"] = in_days(30)
        body.setdefault("paymentCustomer", "cus_1")
    return body


def shelf_of_its_own(case):
    """The generated SKU; another where it is one that orders are made of, or where there
    is an opening stock, which is for a new one only."""
    sku = case.path_parameters["sku"]
    is_taken = isinstance(case.body, dict) and "available" in case.body
    return f"{sku[:40]}-{uuid.uuid4().hex[:8]}" if is_taken or sku in PRICES else sku


def signed(case):
    """The signature of the provider over the bytes that will be sent."""
    request = requests.Request(**case.as_transport_kwargs(base_url=WORLD["api"])).prepare()
    body = request.body or b""
    body = body if isinstance(body, bytes) else body.encode()
    if "Stripe-Signature" in case.headers:
        now = str(int(time.time()))
        digest = hmac.new(WORLD["stripe"].encode(), now.encode() + b"." + body, hashlib.sha256)
        case.headers["Stripe-Signature"] = f"t={now},v1={digest.hexdigest()}"
    else:
        digest = hmac.new(WORLD["easypost"].encode(), body, hashlib.sha256)
        case.headers["X-Hmac-Signature"] = f"hmac-sha256-hex={digest.hexdigest()}"


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation
    if case.method.upper() != operation.method.upper():
        return
    operation_id = operation.definition.raw["operationId"]
    if sound(case, ParameterLocation.PATH) and case.path_parameters:
        if "orderId" in case.path_parameters:
            case.path_parameters["orderId"] = order_for(case)
        elif operation_id != "writeInventory":
            case.path_parameters["sku"] = next(skus)
        else:
            case.path_parameters["sku"] = shelf_of_its_own(case)
    if sound(case, ParameterLocation.HEADER) and "Idempotency-Key" in (case.headers or {}):
        # A key belongs to one body.
        case.headers["Idempotency-Key"] = f"{uuid.uuid4()}"
    if sound(case, ParameterLocation.QUERY) and "cursor" in (case.query or {}):
        # Only the server makes one; that of own orders leads into every list.
        case.query["cursor"] = WORLD["cursor"]
    if operation_id == "placeOrder" and sound(case, ParameterLocation.BODY):
        case.body = order_body(case.body)
    if operation_id.endswith("Webhook") and sound(case, ParameterLocation.HEADER) and case.headers:
        signed(case)


@schemathesis.hook
def after_call(context, case, response):
    operation = case.operation
    if response.request.method == operation.method.upper():
        label = f"{operation.method.upper()} {operation.path}"
        counts[label][response.status_code] += 1


@atexit.register
def write_down():
    name = f"counts-{os.getpid()}.json"
    (FOLDER / name).write_text(json.dumps(counts))
