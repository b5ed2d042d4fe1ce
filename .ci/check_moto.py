"""Runs our state machine on another Step Functions engine.

moto executes `statemachine.asl.json`; the functions, the tables and the providers are
those of `cargo local up`, reached through its AWS endpoint. Each scenario with short
waits must enter the same states, and end with the same status and the same ledger, as
`events/scenarios/` expects of our own engine.

Needs boto3 and moto[server] (.ci/requirements.txt).
"""

import json
import os
import re
import socket
import subprocess
import sys
import time

import boto3

from stack import AS_CUSTOMER, AS_OPERATOR, ENVIRONMENT, ROOT, call, order_id, running_stack

# Scenarios whose waits add up to less than two minutes. The others wait for days,
# until every retry is used up, or (scheduled) for at least an hour.
SCENARIOS = [
    "happy",
    "declined",
    "out-of-stock",
    "carrier-refuses",
    "gateway-answer-lost",
    "function-killed",
    "authorisation-lapsed",
    "double-submit",
    "review-approved",
    "review-rejected",
]
TIMEOUT_S = 180


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_moto(aws_url):
    port = free_port()
    # moto sends the calls of tasks to localhost at this port.
    environment = {**os.environ, "MOTO_PORT": aws_url.rsplit(":", 1)[1]}
    command = ["moto_server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    moto = subprocess.Popen(command, env=environment, **quiet)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            call("GET", f"{url}/moto-api/config")
            break
        except OSError:
            if time.monotonic() > deadline or moto.poll() is not None:
                sys.exit("moto did not start")
            time.sleep(0.1)
    call("POST", f"{url}/moto-api/config", {"stepfunctions": {"execute_state_machine": True}})
    return moto, url


def definition():
    """Returns our file with the template's substitutions made for the local stack."""
    text = (ROOT / "statemachine.asl.json").read_text().replace("${OrdersTableName}", "Orders")
    # ${ProcessPaymentFunctionArn} is the function process-payment.
    def arn(match):
        name = re.sub(r"(?<!^)(?=[A-Z])", "-", match[1]).lower()
        return f"arn:aws:lambda:us-east-1:000000000000:function:{name}"

    text = re.sub(r"\$\{(\w+)FunctionArn\}", arn, text)
    assert "${" not in text, "a substitution is missing"
    return text


class MotoRun:
    """One scenario, executed by moto."""

    def __init__(self, name, urls, states, machine):
        self.name, self.urls, self.states, self.machine = name, urls, states, machine
        self.scenario = json.loads((ROOT / f"events/scenarios/{name}.json").read_text())
        self.id = order_id(f"moto-{name}")

    def server_of(self, point):
        return self.urls.get(point.split(".")[0], self.urls["aws"])

    def prepare(self):
        """Places the order; StartExecution fails, so our own engine does not run it."""
        faults = [*self.scenario.get("faults", []), {"at": "states.start", "calls": {"from": 1}, "kind": "500"}]
        for fault in faults:
            status, answer = call("POST", f"{self.server_of(fault['at'])}/_faults", [fault])
            assert status < 300, (fault, status, answer)
        order = json.loads((ROOT / "events/orders" / self.scenario["order"]).read_text())
        for _ in range(self.scenario.get("submit", {}).get("times", 1)):
            call(
                "POST",
                f"{self.urls['api']}/orders",
                order,
                authorization=AS_CUSTOMER,
                idempotency_key=f"moto-{self.name}",
            )

    def order(self):
        url = f"{self.urls['api']}/orders/{self.id}"
        status, order = call("GET", url, authorization=AS_CUSTOMER)
        assert status == 200, (status, order)
        return order

    def decide_review(self, review):
        """Decides through our API, which records it, and sends the result to moto, which made the token."""
        body = {"decision": review["decision"], "note": review.get("note", "")}
        token = self.token()
        status, answer = call(
            "POST", f"{self.urls['api']}/orders/{self.id}/review", body, authorization=AS_OPERATOR
        )
        assert status == 200, (status, answer)
        if review["decision"] == "approve":
            self.states.send_task_success(taskToken=token, output="{}")
        else:
            self.states.send_task_failure(taskToken=token, error="ReviewRejected", cause="rejected")

    def token(self):
        tables = boto3.client("dynamodb", endpoint_url=self.urls["aws"])
        item = tables.get_item(TableName="Orders", Key={"orderId": {"S": self.id}})["Item"]
        return item["taskToken"]["S"]

    def run(self):
        self.prepare()
        started = self.states.start_execution(
            stateMachineArn=self.machine, name=self.id, input=json.dumps({"orderId": self.id})
        )
        arn = started["executionArn"]
        pending = [action for action in self.scenario.get("actions", []) if action["do"] == "review"]
        deadline = time.monotonic() + TIMEOUT_S
        while self.states.describe_execution(executionArn=arn)["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{self.name} did not end within {TIMEOUT_S} s"
            if pending and self.order()["status"] == "IN_REVIEW":
                self.decide_review(pending.pop(0))
            time.sleep(0.2)
        for server in ("gateway", "carrier", "aws"):
            call("DELETE", f"{self.urls[server]}/_faults")
        return self.differences(arn)

    def differences(self, arn):
        expect = self.scenario["expect"]
        entered, token = [], {}
        while True:
            page = self.states.get_execution_history(executionArn=arn, maxResults=1000, **token)
            entered += [
                event["stateEnteredEventDetails"]["name"]
                for event in page["events"]
                if event["type"].endswith("StateEntered")
            ]
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        ledger = {}
        for server in ("gateway", "carrier"):
            ledger |= call("GET", f"{self.urls[server]}/_ledger?order={self.id}")[1]["totals"]
        actual = {
            "states": entered,
            "status": self.order()["status"],
            "ledger": {name: ledger[name] for name in expect["ledger"]},
        }
        return [
            f"{field}: expected {expect[field]}, got {actual[field]}"
            for field in actual
            if expect[field] != actual[field]
        ]


def main():
    os.environ.update(ENVIRONMENT)
    failed = 0
    with running_stack() as urls:
        moto, moto_url = start_moto(urls["aws"])
        try:
            states = boto3.client("stepfunctions", endpoint_url=moto_url)
            machine = states.create_state_machine(
                name="OrderWorkflow",
                definition=definition(),
                roleArn="arn:aws:iam::123456789012:role/order-workflow",
            )["stateMachineArn"]
            for name in SCENARIOS:
                differences = MotoRun(name, urls, states, machine).run()
                failed += bool(differences)
                print("FAILED" if differences else "ok", name, *differences, sep="  ", flush=True)
        finally:
            moto.terminate()
            moto.wait(30)
    print(f"{len(SCENARIOS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
