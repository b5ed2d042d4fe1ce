"""Runs what docs/local.md says about a running stack: curl, the AWS CLI, `cargo local
replay`, `cargo lambda watch` and `cargo lambda invoke`. Then runs the runbooks and routine
jobs of docs/operate.md on another stack, whose clock runs faster.

Needs awscli and cargo-lambda (.ci/requirements.txt).
"""

import contextlib
import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

from stack import AS_CUSTOMER, ENVIRONMENT, ROOT, call, order_id, running_stack

SAMPLE = order_id("sample-order")
TIMEOUT_S = 600
passed = []


def check(what, ok, detail=""):
    if not ok:
        sys.exit(f"FAILED  {what}: {detail}")
    passed.append(what)
    print(f"ok  {what}", flush=True)


def aws(urls, *words, output=None):
    """Calls the AWS CLI and returns its JSON."""
    command = ["aws", "--endpoint-url", urls["aws"], "--output", "json", *words]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    if ran.returncode:
        return {"failed": ran.stderr.strip()}
    return json.loads(ran.stdout or "null")


def place_and_read(urls):
    order = json.loads((ROOT / "events/orders/two-items.json").read_text())
    url = f"{urls['api']}/orders"
    status, placed = call("POST", url, order, authorization=AS_CUSTOMER, idempotency_key="sample-order")
    check("an order is placed", status == 202 and placed["orderId"] == SAMPLE, placed)
    deadline = time.monotonic() + 60
    while True:
        status, read = call("GET", f"{url}/{SAMPLE}", authorization=AS_CUSTOMER)
        if status != 200 or read["status"] == "FULFILLED" or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    check("and read until it is fulfilled", read.get("status") == "FULFILLED", read)


def use_the_aws_cli(urls):
    arn = urls["stateMachineArn"].replace(":stateMachine:", ":execution:") + f":{SAMPLE}"
    history = aws(urls, "stepfunctions", "get-execution-history", "--execution-arn", arn)
    kinds = [event["type"] for event in history.get("events", [])]
    check("get-execution-history", kinds[:1] + kinds[-1:] == ["ExecutionStarted", "ExecutionSucceeded"], history)
    key = json.dumps({"orderId": {"S": SAMPLE}})
    item = aws(urls, "dynamodb", "get-item", "--table-name", "Orders", "--key", key)
    check("get-item", item.get("Item", {}).get("status") == {"S": "FULFILLED"}, item)
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / "result.json"
        invoke = ("lambda", "invoke", "--function-name")
        sample = "file://events/functions/process-payment-authorize.json"
        response = aws(urls, *invoke, "process-payment", "--payload", sample, str(result))
        check("lambda invoke", response.get("StatusCode") == 200 and "FunctionError" not in response, response)
        answer = json.loads(result.read_text())
        check("  returns the result", answer.get("paymentStatus") == "AUTHORIZED", answer)
        response = aws(urls, *invoke, "process-payment", "--payload", "{}", str(result))
        answer = json.loads(result.read_text())
        check("lambda invoke that fails", response.get("FunctionError") == "Unhandled", response)
        check("  names the error", answer.get("errorType") == "InvalidRequest", answer)
    response = aws(urls, "lambda", "invoke", "--function-name", "no-such-function", "/dev/null")
    check("an unknown function", "ResourceNotFoundException" in response.get("failed", ""), response)


def documented_commands(document):
    """Yields the commands of a document, from its `sh` blocks."""
    in_block = False
    for line in (ROOT / document).read_text().splitlines():
        if line.startswith("```"):
            in_block = line == "```sh"
        elif in_block:
            yield line


# Commands that other checks of this file run, or that run until they are stopped.
RUN_BY_OTHER_CHECKS = ("export ", "cargo local up", "cargo lambda watch", "cargo lambda invoke")


PORTS = {"8080": "api", "4566": "aws", "4570": "gateway", "4571": "carrier"}


def at_this_stack(command, urls):
    """The command with the addresses of this stack in place of the default ones."""
    for port, server in PORTS.items():
        command = command.replace(f"http://127.0.0.1:{port}", urls[server])
    return command


def run_the_documented_commands(urls):
    """Runs each command of docs/local.md against the stack; an unknown kind fails."""
    environment = {**os.environ, "AWS_ENDPOINT_URL": urls["aws"]}
    ran = 0
    for documented in documented_commands("docs/local.md"):
        command = at_this_stack(documented, urls)
        if command.startswith("curl -s "):
            command = command.replace("curl -s ", "curl -sS --fail-with-body ", 1)
        elif command.startswith("cargo local replay "):
            command += f" --api {urls['api']} --patience 20"
        elif not command.startswith(("aws ", "cargo local demo", "cargo local cost")):
            check(f"`{documented}` is known", documented.startswith(RUN_BY_OTHER_CHECKS), documented)
            continue
        run = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=TIMEOUT_S
        )
        check(f"`{documented[:70]}`", run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:])
        ran += 1
    check("docs/local.md has commands", ran > 15, ran)


# An invocation that fails has the exit code 0, and so has an order that came too late.
SIGNS_OF_FAILURE = ("FunctionError", "REVIEW_EXPIRED")


def run_the_runbooks(urls):
    """Runs each command of docs/operate.md in its order. `export` lines hold from there on."""
    exports, ran = [], 0
    for documented in documented_commands("docs/operate.md"):
        command = at_this_stack(documented, urls)
        if command.startswith("export "):
            exports.append(command)
        # The commands of loops may fail until what they wait for is there.
        if not command.startswith("until "):
            command = command.replace("curl -s ", "curl -sS --fail-with-body ")
        script = "\n".join(["set -e", *exports, command])
        try:
            run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=120)
        except subprocess.TimeoutExpired:
            sys.exit(f"FAILED  `{documented}`: nothing after 120 s")
        output = run.stdout[-2000:] + run.stderr[-2000:]
        failed = run.returncode or any(sign in output for sign in SIGNS_OF_FAILURE)
        check(f"`{documented[:90]}`", not failed, output)
        ran += 1
    check("docs/operate.md has commands", ran > 40, ran)


def replay_the_samples(urls):
    files = sorted(str(path) for path in (ROOT / "events/orders").glob("*.json"))
    command = ["cargo", "local", "replay", "--api", urls["api"], "--patience", "20", *files]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    output = ran.stdout
    check("cargo local replay", ran.returncode == 0, output + ran.stderr)
    for status in ("FULFILLED", "PAYMENT_FAILED", "OUT_OF_STOCK", "IN_REVIEW", "SCHEDULED", "422"):
        check(f"  shows {status}", status in output, output)


def documented_variables():
    """What docs/local.md exports before it starts `cargo lambda watch`."""
    before = (ROOT / "docs/local.md").read_text().split("\ncargo lambda watch")[0].rsplit("```sh\n", 1)[1]
    words = [word for line in before.splitlines() for word in shlex.split(line) if word != "export"]
    return dict(word.split("=", 1) for word in words)


@contextlib.contextmanager
def watching(urls, port):
    """Runs `cargo lambda watch` for one function against the stack, whose ports are others
    than the documented ones."""
    addresses = {"AWS_ENDPOINT_URL": urls["aws"], "STRIPE_BASE_URL": urls["gateway"]}
    environment = {**os.environ, **documented_variables(), **addresses}
    command = ["cargo", "lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
    command += ["-p", "process-payment"]
    watch = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if watch.poll() is not None or time.monotonic() > deadline:
                sys.exit("cargo lambda watch did not start")
            time.sleep(0.2)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(watch.pid, signal.SIGINT)
        try:
            watch.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(watch.pid, signal.SIGKILL)


def run_one_function(urls):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with watching(urls, port):
        command = ["cargo", "lambda", "invoke", "process-payment"]
        command += ["--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
        command += ["--data-file", "events/functions/process-payment-authorize.json"]
        # The first call waits until cargo lambda watch has built the function.
        ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=TIMEOUT_S)
        check("cargo lambda invoke", '"paymentStatus":"AUTHORIZED"' in ran.stdout.replace(" ", ""), ran.stdout + ran.stderr)


def main():
    os.environ.update(ENVIRONMENT)
    with running_stack() as urls:
        place_and_read(urls)
        use_the_aws_cli(urls)
        run_the_documented_commands(urls)
        replay_the_samples(urls)
        run_one_function(urls)
    with running_stack("--speed", "600") as urls:
        run_the_runbooks(urls)
    print(f"{len(passed)} passed, 0 failed")


if __name__ == "__main__":
    main()
