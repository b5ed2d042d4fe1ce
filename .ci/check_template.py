"""What holds for template.yaml after the SAM transform, without an AWS account.

Needs aws-sam-cli, cfn-lint and moto (.ci/requirements.txt).
"""

import graphlib
import json
import subprocess
import sys
import tempfile

from stack import ROOT
from translated import PSEUDO, REQUIRED, references, resolve, source, translate

ISSUER = {**REQUIRED, "JwtIssuer": "https://login.shop.example", "JwtAudience": "orders"}
EVERYTHING = {
    **REQUIRED,
    "Stage": "prod",
    "CustomerSignUp": "self",
    "AllowedOrigins": "https://shop.example.com,https://admin.example.com",
    "OrderApiConcurrency": 50,
    "PaymentConcurrency": 10,
    "ShippingConcurrency": 10,
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1",
}
passed = []


def check(what, ok, detail=""):
    if not ok:
        sys.exit(f"FAILED  {what}: {detail}")
    passed.append(what)
    print(f"ok  {what}", flush=True)


def of_type(template, kind):
    return {name: one for name, one in template["Resources"].items() if one["Type"] == kind}


def properties(template, name):
    return template["Resources"][name]["Properties"]


def check_references():
    """Every reference leads to something that the same deployment creates."""
    template = source()
    required = {name for name, one in template["Parameters"].items() if "Default" not in one}
    check("two parameters have no default", required == set(REQUIRED), required)
    for what, parameters in (("two parameters", REQUIRED), ("an issuer", ISSUER), ("every option", EVERYTHING)):
        resolved = resolve(translate(parameters), parameters)
        names = set(resolved["Resources"])
        graph = {name: set(references(one)) - set(PSEUDO) for name, one in resolved["Resources"].items()}
        missing = {name: sorted(found - names) for name, found in graph.items() if found - names}
        check(f"{what}: every reference resolves", not missing, missing)
        outputs = set(references(resolved["Outputs"])) - set(PSEUDO) - names
        check(f"{what}: every output resolves", not outputs, outputs)
        try:
            list(graphlib.TopologicalSorter(graph).static_order())
            cycle = None
        except graphlib.CycleError as error:
            cycle = error.args[1]
        check(f"{what}: no resource depends on itself", cycle is None, cycle)
        check_no_placeholder(what, resolved)


def check_no_placeholder(what, resolved):
    text = json.dumps(resolved).replace(REQUIRED["AlarmEmail"], "")
    found = [word for word in ("example.com", "000000000000", "TODO") if word in text]
    check(f"{what}: no value is a placeholder", not found or what == "every option", found)


def check_choices():
    """What the parameters decide."""
    first, own, every = (resolve(translate(p), p) for p in (REQUIRED, ISSUER, EVERYTHING))
    cognito = [name for name, one in first["Resources"].items() if "Cognito" in one["Type"]]
    check("no issuer: the stack creates the user pool", len(cognito) == 6, cognito)
    cognito = [name for name, one in own["Resources"].items() if "Cognito" in one["Type"]]
    check("an issuer: the stack creates no user pool", not cognito, cognito)

    def authorizer(template):
        body = properties(template, "ServerlessHttpApi")["Body"]
        return body["components"]["securitySchemes"]["Tokens"]["x-amazon-apigateway-authorizer"]

    jwt = authorizer(first)["jwtConfiguration"]
    check("the audience is the page's client", jwt["audience"] == [{"Ref": "PageClient"}], jwt)
    expected = {"issuer": "https://login.shop.example", "audience": ["orders"]}
    check("an issuer is used as it is", authorizer(own)["jwtConfiguration"] == expected, authorizer(own))
    check("warnings fail the deployment", properties(first, "ServerlessHttpApi")["FailOnWarnings"] is True)

    body = properties(first, "ServerlessHttpApi")["Body"]
    check("no route has an undefined security scheme", '"NONE"' not in json.dumps(body))
    check("no other origin is allowed unless one is given", "x-amazon-apigateway-cors" not in body)
    cors = properties(every, "ServerlessHttpApi")["Body"]["x-amazon-apigateway-cors"]
    check("given origins are allowed", "allowOrigins" in cors and "*" not in json.dumps(cors), cors)

    reserved = {n: p["Properties"].get("ReservedConcurrentExecutions") for n, p in of_type(first, "AWS::Lambda::Function").items()}
    check("a new account reserves no concurrency", set(reserved.values()) == {None}, reserved)
    reserved = properties(every, "ProcessPaymentFunction")["ReservedConcurrentExecutions"]
    check("a given concurrency is reserved", reserved == 10, reserved)

    for name, one in of_type(first, "AWS::DynamoDB::Table").items():
        table = one["Properties"]
        check(f"{name}: kept, recoverable", one["DeletionPolicy"] == "RetainExceptOnCreate" and one["UpdateReplacePolicy"] == "Retain" and table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], one)
        check(f"{name}: protected in prod only", (table["DeletionProtectionEnabled"], properties(every, name)["DeletionProtectionEnabled"]) == (False, True))
        check(f"{name}: its key", "KMSMasterKeyId" not in table["SSESpecification"] and properties(every, name)["SSESpecification"]["KMSMasterKeyId"] == EVERYTHING["KmsKeyArn"])
    for name, source in (("Inventory", "stock_changes.rs"), ("RecentOrders", "recent_orders.rs")):
        ttl = properties(first, name)["TimeToLiveSpecification"]
        written = f'"{ttl["AttributeName"]}"' in (ROOT / "shared/aws/src" / source).read_text()
        check(f"{name}: items expire by the attribute that the code writes", ttl["Enabled"] and written, ttl)
    check_key(first, every)
    alias = properties(every, "OrderWorkflowAliaslive")["DeploymentPreference"]
    check("prod shifts executions step by step", alias["Type"] == "CANARY" and alias["Alarms"], alias)
    alias = properties(first, "OrderWorkflowAliaslive")["DeploymentPreference"]
    check("dev shifts at once", alias["Type"] == "ALL_AT_ONCE" and "Interval" not in alias, alias)


def role_statements(template, role):
    """The statements of the role's own policies, and of the managed policies that name it."""
    own = [policy["PolicyDocument"] for policy in properties(template, role).get("Policies", [])]
    managed = [one["Properties"] for one in of_type(template, "AWS::IAM::ManagedPolicy").values()]
    shared = [one["PolicyDocument"] for one in managed if {"Ref": role} in one["Roles"]]
    return [statement for document in own + shared for statement in document["Statement"]]


def check_key(first, every):
    """The shop's own key encrypts every secret, and each role may use it as far as it reads."""
    policies = {"KmsKeyAccess", "KmsKeyAccessForSecrets"}
    check("the key's policies exist with a key only", (policies <= set(every["Resources"]), policies & set(first["Resources"])) == (True, set()))
    key = EVERYTHING["KmsKeyArn"]
    for name in of_type(every, "AWS::SecretsManager::Secret"):
        keys = (properties(first, name).get("KmsKeyId"), properties(every, name).get("KmsKeyId"))
        check(f"{name}: its key", keys == (None, key), keys)
    for role in of_type(every, "AWS::IAM::Role"):
        statements = role_statements(every, role)
        granted = json.dumps([one for one in statements if one.get("Resource") != key])
        through = " ".join(json.dumps(one["Condition"]) for one in statements if one.get("Resource") == key and "kms:Decrypt" in one["Action"])
        for action, service in (("dynamodb:", "dynamodb."), ("secretsmanager:GetSecretValue", "secretsmanager.")):
            check(f"{role}: decrypts through {service} if it reads there", (action in granted) == (service in through), statements)


def check_logs():
    """Each log group expires, and none holds a body or a token."""
    resolved = resolve(translate())
    for name, one in of_type(resolved, "AWS::Logs::LogGroup").items():
        check(f"{name} expires", one["Properties"]["RetentionInDays"] == 30, one)
    for name, one in of_type(resolved, "AWS::Lambda::Function").items():
        check(f"{name} has a log group", "Ref" in one["Properties"]["LoggingConfig"]["LogGroup"])
    logging = properties(resolved, "OrderWorkflow")["LoggingConfiguration"]
    check("the workflow logs errors without data", logging["Level"] == "ERROR" and logging["IncludeExecutionData"] is False, logging)
    stage = properties(resolved, "ServerlessHttpApiApiGatewayDefaultStage")
    fields = stage["AccessLogSettings"]["Format"]
    private = [word for word in ("identity", "claims", "path", "body", "header", "querystring") if f".{word}" in fields]
    check("access logs hold no request data", not private, private)
    webhooks = [stage["RouteSettings"][f"POST /webhooks/{one}"]["ThrottlingRateLimit"] for one in ("stripe", "easypost")]
    check("webhooks are throttled more strictly", max(webhooks) < stage["DefaultRouteSettings"]["ThrottlingRateLimit"], webhooks)


# A request of these needs no token: the providers sign theirs, and the rest is the page, the
# OpenAPI document and preflight requests.
PUBLIC = {
    "/": {"x-amazon-apigateway-any-method"},
    "/console/{file+}": {"x-amazon-apigateway-any-method"},
    "/openapi.json": {"x-amazon-apigateway-any-method"},
    "/webhooks/easypost": {"post"},
    "/webhooks/stripe": {"post"},
    "/{proxy+}": {"options"},
}


def check_events():
    """Which requests need no token, and how long an event is repeated."""
    resolved = resolve(translate())
    paths = properties(resolved, "ServerlessHttpApi")["Body"]["paths"]
    public = {path: {method for method, one in methods.items() if not one.get("security")} for path, methods in paths.items()}
    public = {path: methods for path, methods in public.items() if methods}
    check("only these routes need no token", public == PUBLIC, public)
    rules = of_type(resolved, "AWS::Events::Rule")
    schedules = {name: one["Properties"] for name, one in rules.items() if "ScheduleExpression" in one["Properties"]}
    check("there are two schedules", len(schedules) == 2, schedules)
    limits = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    for name, one in schedules.items():
        targets = one["Targets"]
        check(f"{name}: no event is repeated or late", [target["RetryPolicy"] for target in targets] == [limits], targets)
    every_minute = {name for name, one in schedules.items() if one["ScheduleExpression"] == "rate(1 minute)"}
    for name in set(rules) - every_minute:
        targets = properties(resolved, name)["Targets"]
        check(f"{name}: an event that is not delivered is kept", all("DeadLetterConfig" in target for target in targets), targets)
    invoke = of_type(resolved, "AWS::Lambda::EventInvokeConfig")
    check("one function takes events", len(invoke) == 1, invoke)
    for name, one in invoke.items():
        config = one["Properties"]
        kept = "Destination" in config["DestinationConfig"]["OnFailure"]
        check(f"{name}: no event is repeated or late, and one that fails is kept", kept and limits.items() <= config.items(), config)


def versions(template):
    """The published version of each function, by the function's name."""
    found = of_type(template, "AWS::Lambda::Version")
    return {one["Properties"]["FunctionName"]["Ref"]: name for name, one in found.items()}


def check_changes():
    """A running order keeps its definition and the code of its functions."""
    before = translate()
    for name, one in of_type(before, "AWS::Lambda::Version").items():
        check(f"{name} is kept when it is replaced", one["DeletionPolicy"] == "Retain", one)
    pinned = properties(before, "OrderWorkflow")["DefinitionSubstitutions"]
    check(
        "the workflow calls published versions",
        pinned["ProcessPaymentFunctionArn"] == {"Ref": versions(before)["ProcessPaymentFunction"]},
        pinned,
    )
    machine = before["Resources"]["OrderWorkflowVersion"]
    check(
        "a version of the workflow is replaced with each revision, and kept",
        machine["UpdateReplacePolicy"] == machine["DeletionPolicy"] == "Retain"
        and machine["Properties"]["StateMachineRevisionId"] == {"Fn::GetAtt": ["OrderWorkflow", "StateMachineRevisionId"]},
        machine,
    )
    after = translate(code={"ProcessPaymentFunction": "another"})
    changed = {name for name, version in versions(before).items() if versions(after)[name] != version}
    check("a change of code publishes that function only", changed == {"ProcessPaymentFunction"}, changed)
    after = translate(definition=(ROOT / "statemachine.asl.json").read_text() + " ")
    check("a change of the workflow publishes no function", versions(after) == versions(before))
    same = {name for name, one in before["Resources"].items() if after["Resources"].get(name) != one}
    check("and changes the workflow only", same == {"OrderWorkflow"}, same)

    def more_memory(template):
        template["Resources"]["ProcessPaymentFunction"]["Properties"]["MemorySize"] = 1024

    after = translate(change=more_memory)
    changed = {name for name, version in versions(before).items() if versions(after)[name] != version}
    check("a change of memory is published too", changed == {"ProcessPaymentFunction"}, changed)
    check_settings(before)


def check_settings(before):
    """A parameter that a running order must see is in the secret, not in an environment."""
    changes = {"PersonalDataRetentionDays": "30", "MaxOrdersPerHour": "7", "ShipToCountries": "FR,DE", "ProviderMode": "live", "Currencies": "USD", "ReviewThreshold": "USD=1", "PostageCeiling": "USD=1", "ShipFrom": '{"postalCode": "1"}'}
    for name, value in changes.items():
        parameters = {**REQUIRED, name: value}
        after = translate(parameters)
        check(f"{name} publishes no version", versions(after) == versions(before))
        settings = json.loads(properties(resolve(after, parameters), "Settings")["SecretString"])
        check(f"{name} is in the settings", value in [one if isinstance(one, str) else json.dumps(one) for one in settings.values()], settings)


def check_lint():
    """cfn-lint on the translated template, with the state machine as a native resource."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(translate(), file)
        file.flush()
        # W3002/W3005 complain about what the transform itself writes.
        ran = subprocess.run(["cfn-lint", "--ignore-checks", "W3005", "--", file.name], capture_output=True, text=True)
        check("cfn-lint on the translated template", ran.returncode == 0, ran.stdout + ran.stderr)


def main():
    check_references()
    check_choices()
    check_logs()
    check_events()
    check_changes()
    check_lint()
    print(f"{len(passed)} passed, 0 failed")


if __name__ == "__main__":
    main()
