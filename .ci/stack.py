"""A running `cargo local up`, for the checks beside this file."""

import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The UUID namespace of order ids, from `domain::id`.
ORDERS = uuid.UUID("6f1d1c3a-6f0e-5a53-9f0b-35f41c2d7a10")
CUSTOMER = "customer-1"
AS_CUSTOMER = f"Bearer dev:{CUSTOMER}:orders/write,orders/read"
AS_OPERATOR = "Bearer dev:operator-1:orders/operate"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def call(method, url, body=None, **headers):
    """Sends a JSON request; returns the status and the JSON body, of errors too."""
    data = None if body is None else json.dumps(body).encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if data is not None:
        headers["content-type"] = "application/json"
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        text = error.read()
        try:
            return error.code, json.loads(text or b"null")
        except ValueError:
            return error.code, text.decode(errors="replace")


def order_id(key):
    """The id that `POST /orders` derives from the customer and the key."""
    name = f"{len(CUSTOMER)}:{CUSTOMER}{len(key)}:{key}"
    return "ord_" + uuid.uuid5(ORDERS, name).hex


@contextlib.contextmanager
def running_stack(*options):
    """Starts a stack on free ports, yields its `ready` line as a dict, and stops it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["cargo", "local", "up", "--state-dir", folder, *options]
        for name in ("--port", "--aws-port", "--gateway-port", "--carrier-port"):
            command += [name, "0"]
        stack = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            for line in stack.stdout:
                if line.startswith("ready "):
                    yield json.loads(line.removeprefix("ready "))
                    break
            else:
                sys.exit("the stack did not start")
        finally:
            stack.send_signal(signal.SIGINT)
            stack.wait(60)
