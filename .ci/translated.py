"""Translates template.yaml as CloudFormation does, and resolves its conditions.

The SAM transform runs without an account: the code of the functions is a name in S3, and
the state machine's definition becomes part of the template. `resolve` then drops what a
condition excludes, so that what is left is what a deployment creates.
"""

import copy
import json
import logging
import os
import re
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from stack import ROOT

# The translator warns about its own metrics.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

SHIP_FROM = {
    "name": "Shop", "phone": "+14155550100", "street1": "417 Montgomery Street",
    "city": "San Francisco", "state": "CA", "postalCode": "94104", "country": "US",
}
# The parameters that have no default: all that a first deployment asks for.
REQUIRED = {"AlarmEmail": "alarms@shop.example", "ShipFrom": json.dumps(SHIP_FROM)}
BUCKET = "artifacts"
NO_VALUE = {"Ref": "AWS::NoValue"}
PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/orders/51af3dc0-da77-11e4-872e-1234567db123",
    "AWS::StackName": "orders",
    "AWS::URLSuffix": "amazonaws.com",
}
MANAGED_POLICIES = {
    name: f"arn:aws:iam::aws:policy/{name}" for name in ("AWSXrayWriteOnlyAccess", "AWSXRayDaemonWriteAccess")
}


class ManagedPolicies:
    def load(self):
        return MANAGED_POLICIES


def source():
    return yaml_parse((ROOT / "template.yaml").read_text())


def translate(parameters=REQUIRED, code=None, definition=None, change=lambda template: None):
    """Returns the template as CloudFormation sees it after the SAM transform.

    `code` names the package of each function (its digest, after `sam package`), and
    `definition` the state machine's text; `change` edits the source first.
    """
    template = source()
    change(template)
    template["Globals"]["Function"].pop("CodeUri")
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://{BUCKET}/{(code or {}).get(name, name)}"
    machine = template["Resources"]["OrderWorkflow"]["Properties"]
    machine["DefinitionUri"] = f"s3://{BUCKET}/definition"
    # The translator announces a feature flag on standard output.
    stdout, sys.stdout = sys.stdout, sys.stderr
    try:
        translated = transform(template, dict(parameters), ManagedPolicies())
    finally:
        sys.stdout = stdout
    translated = json.loads(json.dumps(translated))
    properties = translated["Resources"]["OrderWorkflow"]["Properties"]
    properties.pop("DefinitionS3Location")
    properties["DefinitionString"] = definition or (ROOT / "statemachine.asl.json").read_text()
    return translated


class Resolver:
    """Resolves parameters and conditions; references to resources stay."""

    def __init__(self, template, parameters):
        defaults = {n: p.get("Default") for n, p in template["Parameters"].items()}
        self.values = {**PSEUDO, **defaults, **parameters}
        self.conditions = template.get("Conditions", {})

    def holds(self, name):
        return self.truth(self.conditions[name])

    def truth(self, expression):
        ((function, argument),) = expression.items()
        if function == "Condition":
            return self.holds(argument)
        if function == "Fn::Equals":
            first, second = (self.resolve(value) for value in argument)
            return str(first) == str(second)
        results = [self.truth(one) for one in argument]
        return {"Fn::Not": not results[0], "Fn::And": all(results), "Fn::Or": any(results)}[function]

    def resolve(self, value):
        if isinstance(value, list):
            resolved = [self.resolve(item) for item in value]
            return [item for item in resolved if item != NO_VALUE]
        if not isinstance(value, dict):
            return value
        if list(value) == ["Ref"]:
            return self.values.get(value["Ref"], value)
        if list(value) == ["Fn::Sub"] and isinstance(value["Fn::Sub"], str):
            known = lambda name: str(self.values.get(name[1], name[0]))
            text = re.sub(r"\$\{([^!}][^}.]*)\}", known, value["Fn::Sub"])
            return {"Fn::Sub": text} if "${" in text else text
        if list(value) == ["Fn::If"]:
            condition, then, otherwise = value["Fn::If"]
            return self.resolve(then if self.holds(condition) else otherwise)
        fields = {name: self.resolve(item) for name, item in value.items()}
        return {name: item for name, item in fields.items() if item != NO_VALUE}


def resolve(template, parameters=REQUIRED):
    """Returns the template without its parameters, its conditions, and what they exclude."""
    resolver = Resolver(template, parameters)
    resolved = copy.deepcopy(template)
    for section in ("Resources", "Outputs"):
        kept = {}
        for name, item in template[section].items():
            condition = item.pop("Condition", None) if section == "Outputs" else item.get("Condition")
            if condition is None or resolver.holds(condition):
                kept[name] = resolver.resolve({k: v for k, v in item.items() if k != "Condition"})
        resolved[section] = kept
    resolved.pop("Conditions", None)
    resolved.pop("Parameters", None)
    return resolved


def references(value):
    """Yields what a resolved value refers to: names of resources."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "Ref":
                yield item
            elif name == "Fn::GetAtt":
                yield item[0] if isinstance(item, list) else item.split(".")[0]
            elif name == "Fn::Sub":
                text, own = (item, {}) if isinstance(item, str) else item
                names = re.findall(r"\$\{([^!}][^}]*)\}", text)
                yield from (one.split(".")[0] for one in names if one not in own)
                yield from references(own)
            elif name == "DependsOn":
                yield from [item] if isinstance(item, str) else item
            else:
                yield from references(item)
