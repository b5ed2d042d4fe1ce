"""Hooks that tell schemathesis which orders and SKUs exist and how the providers sign.

`schemathesis run` loads them (SCHEMATHESIS_HOOKS); `check_schemathesis.py` starts it and
writes SHOP. A case generated as valid is pointed at something that exists, which the
document cannot name; a case generated as invalid stays exactly as it is.
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

FOLDER = pathlib.Path(os.environ["SCHEMATHESIS_SHOP"])
SHOP = json.loads((FOLDER / "shop.json").read_text())
TOKEN = {"authorization": SHOP["token"]}
# Orders in each state that a decision route accepts; each is used once.
pools = {name: collections.deque(ids) for name, ids in SHOP["pools"].items()}
PRICES = SHOP["prices"]
MAX_TOTAL = 99_999_999
skus = itertools.cycle(PRICES)
turns = itertools.cycle([True, True, True, True, False])
counts = collections.defaultdict(collections.Counter)


def is_valid_at(case, location):
    """Whether this part of the case conforms to the document."""
    return case.meta is not None and not case.meta.is_negative_at(location)


def is_valid(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


def place(**more):
    """Places an order."""
    body = {**json.loads((stack.ROOT / "events/orders/one-item.json").read_text()), **more}
    key = f"hook-{uuid.uuid4()}"
    status, placed = stack.call("POST", f"{SHOP['api']}/orders", body, idempotency_key=key, **TOKEN)
    assert status == 202, placed
    return placed["orderId"]


def in_days(days):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86_400))


def take(pool, case):
    """Takes an order from this pool for a valid case."""
    waiting = pools[pool]
    return waiting.popleft() if waiting and is_valid(case) else SHOP["fulfilled"]


def order_for(case):
    """Returns an order for which a valid case of this operation succeeds."""
    operation_id = case.operation.definition.raw["operationId"]
    if operation_id == "cancelOrder" and is_valid(case):
        return place(scheduledFor=in_days(30), paymentCustomer="cus_1")
    if operation_id == "reviewOrder":
        return take("review", case)
    if operation_id == "resumeOrder":
        action = case.body.get("action") if isinstance(case.body, dict) else None
        return take("closed" if action == "acknowledge" else "stuck", case)
    return SHOP["fulfilled"]


def order_body(body):
    """Makes the generated order one of SKUs that exist, at a date that is accepted."""
    lines, total = [], 0
    for line in body["items"]:
        line["sku"] = next(skus)
        total += PRICES[line["sku"]] * int(line["quantity"])
        # The provider's maximum for one charge, which no schema can express for a sum.
        if total > MAX_TOTAL:
            total -= PRICES[line["sku"]] * int(line["quantity"])
            break
        lines.append(line)
    body["items"] = lines
    # The shop ships to its own country only, which is a setting and not in the document.
    body["shippingAddress"] |= {"country": "US", "state": "CA"}
    # Every fifth case keeps its wrong total: a conflict, as documented.
    if "expectedTotal" in body and next(turns):
        body["expectedTotal"] = {"amount": total, "currency": "USD"}
    if "scheduledFor" in body:
        body["scheduledFor"] = in_days(30)
        body.setdefault("paymentCustomer", "cus_1")
    return body


def resume_body(body):
    """Makes the fields of a settlement agree, which no schema can express."""
    if body["action"] != "settle":
        body.pop("money", None)
        body.pop("label", None)
        return body
    body.setdefault("note", "Seen in the dashboard.")
    if "money" not in body:
        body.setdefault("label", "none")
    if body.get("money") == "captured":
        body.pop("refund", None)
    return body


def unused_sku(case):
    """Returns the generated SKU, or a new one where the SKU is in use by orders or the
    body has an opening stock, which only a new SKU may have."""
    sku = case.path_parameters["sku"]
    is_taken = isinstance(case.body, dict) and "available" in case.body
    return f"{sku[:40]}-{uuid.uuid4().hex[:8]}" if is_taken or sku in PRICES else sku


def sign(case):
    """Signs the bytes that will be sent, as the provider does."""
    request = requests.Request(**case.as_transport_kwargs(base_url=SHOP["api"])).prepare()
    body = request.body or b""
    body = body if isinstance(body, bytes) else body.encode()
    if "Stripe-Signature" in case.headers:
        now = str(int(time.time()))
        digest = hmac.new(SHOP["stripe"].encode(), now.encode() + b"." + body, hashlib.sha256)
        case.headers["Stripe-Signature"] = f"t={now},v1={digest.hexdigest()}"
    else:
        digest = hmac.new(SHOP["easypost"].encode(), body, hashlib.sha256)
        case.headers["X-Hmac-Signature"] = f"hmac-sha256-hex={digest.hexdigest()}"


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation
    if case.method.upper() != operation.method.upper():
        return
    operation_id = operation.definition.raw["operationId"]
    if is_valid_at(case, ParameterLocation.PATH) and case.path_parameters:
        if "orderId" in case.path_parameters:
            case.path_parameters["orderId"] = order_for(case)
        elif operation_id != "writeInventory":
            case.path_parameters["sku"] = next(skus)
        else:
            case.path_parameters["sku"] = unused_sku(case)
    if is_valid_at(case, ParameterLocation.HEADER) and "Idempotency-Key" in (case.headers or {}):
        # One key per body.
        case.headers["Idempotency-Key"] = f"{uuid.uuid4()}"
    if is_valid_at(case, ParameterLocation.QUERY) and "cursor" in (case.query or {}):
        # Only the server makes cursors; the customer's own is valid in every list.
        case.query["cursor"] = SHOP["cursor"]
    if operation_id == "placeOrder" and is_valid_at(case, ParameterLocation.BODY):
        case.body = order_body(case.body)
    if operation_id == "resumeOrder" and is_valid_at(case, ParameterLocation.BODY):
        case.body = resume_body(case.body)
    if operation_id.endswith("Webhook") and is_valid_at(case, ParameterLocation.HEADER) and case.headers:
        sign(case)


@schemathesis.hook
def after_call(context, case, response):
    operation = case.operation
    if response.request.method == operation.method.upper():
        label = f"{operation.method.upper()} {operation.path}"
        counts[label][response.status_code] += 1


@atexit.register
def write_counts():
    name = f"counts-{os.getpid()}.json"
    (FOLDER / name).write_text(json.dumps(counts))
