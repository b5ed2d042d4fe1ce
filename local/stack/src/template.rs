//! Reads `template.yaml`, so that the local stack cannot drift from what is deployed.
//!
//! The template defines the functions with their time limits and environment, the tables,
//! the routes with their scopes, the state machine with its substitutions, and the
//! schedules and event rules ([`events`]), and the roles with their policies ([`roles`]).
//! Resources that the local stack does not need (alarms, versions) are ignored.
//!
//! References become local names: the crate name of a function, the logical id of a table
//! or a state machine. See [`intrinsics`].

mod events;
mod intrinsics;
mod roles;
mod yaml;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use crate::lambda::EventRetries;
use intrinsics::References;

pub use events::{TemplateRule, TemplateSchedule};
pub(crate) use intrinsics::secret_arn;
pub use roles::{TemplateRole, role_name};

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file is not YAML.
    #[error("template.yaml: {0}")]
    InvalidYaml(String),
    /// A property is missing or invalid.
    #[error("template.yaml: {resource}: {reason}")]
    Resource {
        /// The resource.
        resource: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A parsed template.
#[derive(Debug)]
pub struct Template {
    root: Value,
    references: References,
}

/// A function of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFunction {
    /// The resource's name.
    pub logical_id: String,
    /// The binary, which has the name of the crate.
    pub binary: String,
    /// The alias that each deployment publishes, if any.
    pub alias: Option<String>,
    /// The time limit of one invocation.
    pub timeout: Duration,
    /// The memory size in MB.
    pub memory_mb: u32,
    /// The environment variables, with references resolved.
    pub environment: BTreeMap<String, String>,
    /// The reserved concurrency, if the template sets it.
    pub reserved_concurrency: Option<usize>,
    /// How an event is repeated that fails or waits.
    pub retries: EventRetries,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRoute {
    /// The binary of its function.
    pub function: String,
    /// The method, or `ANY`.
    pub method: String,
    /// The path with its parameters in braces.
    pub path: String,
    /// Whether a request needs a token.
    pub requires_token: bool,
    /// The scopes. A token must have at least one of them.
    pub scopes: Vec<String>,
}

/// A secret of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSecret {
    /// The resource's name, which is the secret's local name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its value with references resolved; none for a secret that is created without one.
    pub value: Option<String>,
}

/// A state machine of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateStateMachine {
    /// The resource's name, which is the state machine's local name.
    pub name: String,
    /// `STANDARD` or `EXPRESS`.
    pub kind: String,
    /// The path of the definition.
    pub definition_uri: String,
    /// The value of each `${Name}` in the definition.
    pub substitutions: BTreeMap<String, String>,
    /// The alias that names the newest version, if the template has one.
    pub alias: Option<String>,
}

impl TemplateStateMachine {
    /// Replaces each `${Name}` in a definition.
    pub fn substitute(&self, definition: &str) -> String {
        let replace = |text: String, (name, value): (&String, &String)| {
            text.replace(&format!("${{{name}}}"), value)
        };
        self.substitutions.iter().fold(definition.to_owned(), replace)
    }
}

impl Template {
    /// Parses the text of a template.
    ///
    /// # Errors
    /// When the text is not one YAML document.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let root = yaml::to_json(text).map_err(TemplateError::InvalidYaml)?;
        let references = References::of(&root);
        Ok(Self { root, references })
    }

    /// The whole template as JSON, with the short forms of references expanded.
    pub const fn as_json(&self) -> &Value {
        &self.root
    }

    /// All functions in the template's order.
    ///
    /// # Errors
    /// When a property is missing or a reference is unknown.
    pub fn functions(&self) -> Result<Vec<TemplateFunction>, TemplateError> {
        self.resources_of_type(FUNCTION).map(|(id, resource)| self.function(id, resource)).collect()
    }

    /// The `CreateTable` requests of all tables.
    pub fn tables(&self) -> Vec<Value> {
        self.resources_of_type("AWS::DynamoDB::Table")
            .map(|(id, resource)| table(id, resource))
            .collect()
    }

    /// All routes of all functions.
    ///
    /// # Errors
    /// When a route lacks its method or its path.
    pub fn routes(&self) -> Result<Vec<TemplateRoute>, TemplateError> {
        self.map_events(Self::route)
    }

    /// Calls `read` for each event of each function, with the function's binary, its
    /// resource's name, and the event with its name.
    fn map_events<T>(
        &self,
        read: impl Fn(&Self, &str, &str, (&String, &Value)) -> Result<Option<T>, TemplateError>,
    ) -> Result<Vec<T>, TemplateError> {
        let mut found = Vec::new();
        for (id, resource) in self.resources_of_type(FUNCTION) {
            let function = binary(id, resource)?;
            for event in fields(&resource["Properties"]["Events"]) {
                found.extend(read(self, &function, id, event)?);
            }
        }
        Ok(found)
    }

    /// All state machines.
    ///
    /// # Errors
    /// When a property is missing or a reference is unknown.
    pub fn state_machines(&self) -> Result<Vec<TemplateStateMachine>, TemplateError> {
        let machines = self.resources_of_type(STATE_MACHINE);
        machines.map(|(id, resource)| self.state_machine(id, resource)).collect()
    }

    /// All secrets of Secrets Manager.
    ///
    /// # Errors
    /// When a value refers to something unknown.
    pub fn secrets(&self) -> Result<Vec<TemplateSecret>, TemplateError> {
        let secret = |(id, resource): (&String, &Value)| {
            let value = &resource["Properties"]["SecretString"];
            Ok(TemplateSecret {
                name: id.clone(),
                arn: secret_arn(id),
                value: if value.is_null() { None } else { Some(self.text(id, value)?) },
            })
        };
        self.resources_of_type("AWS::SecretsManager::Secret").map(secret).collect()
    }

    fn function(&self, id: &str, resource: &Value) -> Result<TemplateFunction, TemplateError> {
        let number = |name: &str| -> Result<Option<u64>, TemplateError> {
            let value = self.references.chosen(self.property(resource, name));
            let Some(value) = value.map_err(|reason| invalid(id, &reason))? else {
                return Ok(None);
            };
            match value {
                Value::Null => Ok(None),
                Value::Number(number) => Ok(number.as_u64()),
                reference => Ok(self.text(id, reference)?.parse().ok()),
            }
        };
        Ok(TemplateFunction {
            logical_id: id.to_owned(),
            binary: binary(id, resource)?,
            alias: self.property(resource, "AutoPublishAlias").as_str().map(str::to_owned),
            // Lambda's defaults.
            timeout: Duration::from_secs(number("Timeout")?.unwrap_or(3)),
            memory_mb: u32::try_from(number("MemorySize")?.unwrap_or(128)).unwrap_or(128),
            environment: self.environment(id, resource)?,
            reserved_concurrency: number("ReservedConcurrentExecutions")?
                .and_then(|limit| usize::try_from(limit).ok()),
            retries: event_retries(&resource["Properties"]["EventInvokeConfig"]),
        })
    }

    /// A property of a function, or its default from `Globals`.
    fn property<'a>(&'a self, resource: &'a Value, name: &str) -> &'a Value {
        let own = &resource["Properties"][name];
        if own.is_null() { &self.root["Globals"]["Function"][name] } else { own }
    }

    fn environment(
        &self,
        id: &str,
        resource: &Value,
    ) -> Result<BTreeMap<String, String>, TemplateError> {
        let global = &self.root["Globals"]["Function"]["Environment"]["Variables"];
        let own = &resource["Properties"]["Environment"]["Variables"];
        let mut environment = BTreeMap::new();
        for (name, value) in fields(global).chain(fields(own)) {
            let chosen = self.references.chosen(value).map_err(|reason| invalid(id, &reason))?;
            if let Some(value) = chosen {
                environment.insert(name.clone(), self.text(id, value)?);
            }
        }
        Ok(environment)
    }

    fn route(
        &self,
        function: &str,
        id: &str,
        (name, event): (&String, &Value),
    ) -> Result<Option<TemplateRoute>, TemplateError> {
        if event["Type"] != "HttpApi" {
            return Ok(None);
        }
        let properties = &event["Properties"];
        let auth = &properties["Auth"];
        let scopes = auth["AuthorizationScopes"].as_array().into_iter().flatten();
        let text = |field: &str| {
            let found = properties[field].as_str().map(str::to_owned);
            found.ok_or_else(|| invalid(id, &format!("event {name} has no {field}")))
        };
        Ok(Some(TemplateRoute {
            function: function.to_owned(),
            method: text("Method")?.to_ascii_uppercase(),
            path: text("Path")?,
            requires_token: self.requires_token(auth),
            scopes: scopes.filter_map(Value::as_str).map(str::to_owned).collect(),
        }))
    }

    /// Whether a route has an authorizer: its own, or the default of the API.
    fn requires_token(&self, auth: &Value) -> bool {
        let default = &self.root["Globals"]["HttpApi"]["Auth"]["DefaultAuthorizer"];
        auth["Authorizer"].as_str().map_or(!default.is_null(), |authorizer| authorizer != "NONE")
    }

    fn state_machine(
        &self,
        id: &str,
        resource: &Value,
    ) -> Result<TemplateStateMachine, TemplateError> {
        let properties = &resource["Properties"];
        let substitutions = fields(&properties["DefinitionSubstitutions"]);
        let definition = properties["DefinitionUri"].as_str();
        Ok(TemplateStateMachine {
            name: id.to_owned(),
            kind: properties["Type"].as_str().unwrap_or("STANDARD").to_owned(),
            definition_uri: definition.ok_or_else(|| invalid(id, "no DefinitionUri"))?.to_owned(),
            substitutions: substitutions
                .map(|(name, value)| Ok((name.clone(), self.text(id, value)?)))
                .collect::<Result<_, TemplateError>>()?,
            alias: properties["AutoPublishAlias"].as_str().map(str::to_owned),
        })
    }

    fn text(&self, id: &str, value: &Value) -> Result<String, TemplateError> {
        self.references.resolve_text(value).map_err(|reason| invalid(id, &reason))
    }

    fn resources_of_type(&self, kind: &str) -> impl Iterator<Item = (&String, &Value)> {
        fields(&self.root["Resources"]).filter(move |(_, resource)| resource["Type"] == kind)
    }
}

const FUNCTION: &str = "AWS::Serverless::Function";
const STATE_MACHINE: &str = "AWS::Serverless::StateMachine";

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn invalid(resource: &str, reason: &str) -> TemplateError {
    TemplateError::Resource { resource: resource.to_owned(), reason: reason.to_owned() }
}

/// The retries of a function's `EventInvokeConfig`, or Lambda's defaults.
fn event_retries(configured: &Value) -> EventRetries {
    let default = EventRetries::default();
    let attempts = configured["MaximumRetryAttempts"].as_u64();
    let age = configured["MaximumEventAgeInSeconds"].as_i64();
    EventRetries {
        max_attempts: attempts
            .and_then(|attempts| usize::try_from(attempts).ok())
            .unwrap_or(default.max_attempts),
        max_age: age.map_or(default.max_age, SignedDuration::from_secs),
    }
}

fn binary(id: &str, resource: &Value) -> Result<String, TemplateError> {
    let found = resource["Metadata"]["BuildProperties"]["Binary"].as_str();
    found.map(str::to_owned).ok_or_else(|| invalid(id, "no Metadata.BuildProperties.Binary"))
}

/// Converts a table's properties to a `CreateTable` request.
fn table(id: &str, resource: &Value) -> Value {
    const SUPPORTED: [&str; 5] = [
        "AttributeDefinitions",
        "BillingMode",
        "GlobalSecondaryIndexes",
        "KeySchema",
        "LocalSecondaryIndexes",
    ];
    let mut definition = json!({ "TableName": id });
    for name in SUPPORTED {
        let value = &resource["Properties"][name];
        if !value.is_null() {
            definition[name] = value.clone();
        }
    }
    definition
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped_template() -> Template {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
        Template::parse(&std::fs::read_to_string(path).expect("the template"))
            .expect("a valid template")
    }

    #[test]
    fn the_functions_of_the_product_have_their_limits_and_their_environment() {
        let functions = shipped_template().functions().expect("a valid template");
        let names: Vec<_> = functions.iter().map(|function| function.binary.as_str()).collect();
        for name in ["process-payment", "check-inventory", "initiate-shipping", "order-api"] {
            assert!(names.contains(&name), "{name} is not among {names:?}");
        }
        let api = functions.iter().find(|function| function.binary == "order-api");
        let api = api.expect("order-api");
        assert_eq!(api.logical_id, "OrderApiFunction");
        assert!(api.timeout < Duration::from_secs(30), "API Gateway's limit is 30 s");
        assert_eq!(api.environment["ORDERS_TABLE"], "Orders");
        assert_eq!(api.environment["INVENTORY_TABLE"], "Inventory");
        let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:OrderWorkflow:live";
        assert_eq!(api.environment["STATE_MACHINE_ARN"], arn);
        assert_eq!(api.reserved_concurrency, None, "a new account can reserve none");
        assert_eq!(api.retries, EventRetries::default());
        let reconciler = functions.iter().find(|function| function.binary == "reconcile-orders");
        let retries = reconciler.expect("reconcile-orders").retries;
        let minute = SignedDuration::from_mins(1);
        assert_eq!(retries, EventRetries { max_attempts: 0, max_age: minute });
    }

    #[test]
    fn the_settings_are_a_secret_of_valid_json_and_the_keys_are_created_without_a_value() {
        let secrets = shipped_template().secrets().expect("a valid template");
        let (settings, keys): (Vec<_>, Vec<_>) =
            secrets.iter().partition(|secret| secret.name == "Settings");
        let value = settings[0].value.as_deref().expect("a value");
        let value: Value = serde_json::from_str(value).expect("valid JSON");
        assert_eq!(value["PROVIDER_MODE"], "test");
        assert!(value["SHIP_FROM"]["postalCode"].is_string(), "an object, not quoted text");
        assert!(keys.iter().all(|secret| secret.value.is_none()), "{keys:?}");
        assert_eq!(keys.len(), 5, "{keys:?}");
    }

    #[test]
    fn the_tables_of_the_product_have_the_keys_and_the_indexes_of_the_design() {
        let tables = shipped_template().tables();
        let keys = |table: &Value| -> Vec<String> {
            let schema = table["KeySchema"].as_array().expect("a schema");
            schema
                .iter()
                .map(|key| key["AttributeName"].as_str().unwrap_or("").to_owned())
                .collect()
        };
        let orders = tables.iter().find(|table| table["TableName"] == "Orders").expect("Orders");
        assert_eq!(keys(orders), ["orderId"]);
        let indexes = orders["GlobalSecondaryIndexes"].as_array().expect("indexes");
        let indexes: Vec<_> = indexes
            .iter()
            .map(|index| (index["IndexName"].as_str().expect("a name"), keys(index)))
            .collect();
        let pair = |hash: &str, range: &str| vec![hash.to_owned(), range.to_owned()];
        assert_eq!(
            indexes,
            [
                ("open", pair("open", "checkAt")),
                ("attention", pair("attention", "createdAt")),
                ("waitsFor", pair("waitsFor", "createdAt")),
                ("customerId", pair("customerId", "createdAt")),
                ("retention", pair("retention", "finalizedAt")),
                ("intentId", vec!["intentId".to_owned()]),
                ("shipmentId", vec!["shipmentId".to_owned()]),
                ("closedDay", pair("closedDay", "closedAt")),
            ]
        );
        let stock =
            tables.iter().find(|table| table["TableName"] == "Inventory").expect("Inventory");
        assert_eq!(keys(stock), ["sku"]);
    }

    #[test]
    fn the_routes_of_the_product_have_their_scopes() {
        let routes = shipped_template().routes().expect("a valid template");
        let find = |method: &str, path: &str| {
            let found = routes.iter().find(|route| route.method == method && route.path == path);
            found.unwrap_or_else(|| panic!("no route {method} {path}")).clone()
        };
        assert_eq!(find("POST", "/orders").scopes, ["orders/write"]);
        assert_eq!(find("GET", "/orders/{orderId}/execution").scopes, ["orders/operate"]);
        let inventory = find("GET", "/inventory");
        assert_eq!(inventory.scopes, ["orders/read", "inventory/write"], "either is enough");
    }

    /// The template has no default authorizer, so a route that forgets its own is public.
    #[test]
    fn only_these_routes_of_the_product_need_no_token() {
        let routes = shipped_template().routes().expect("a valid template");
        let public = routes.iter().filter(|route| !route.requires_token);
        let public: Vec<_> =
            public.map(|route| format!("{} {}", route.method, route.path)).collect();
        let expected = [
            "POST /webhooks/stripe",
            "POST /webhooks/easypost",
            "ANY /openapi.json",
            "ANY /",
            "ANY /console/{file+}",
            "OPTIONS /{proxy+}",
        ];
        assert_eq!(public, expected);
    }

    #[test]
    fn every_placeholder_of_the_state_machine_is_substituted() {
        let machines = shipped_template().state_machines().expect("a valid template");
        let [machine] = machines.as_slice() else { panic!("{machines:?}") };
        assert_eq!((machine.name.as_str(), machine.kind.as_str()), ("OrderWorkflow", "STANDARD"));
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
        let definition = std::fs::read_to_string(format!("{path}{}", machine.definition_uri));
        let definition = machine.substitute(&definition.expect("the state machine"));
        assert!(!definition.contains("${"), "a placeholder is left");
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:process-payment:1";
        assert!(definition.contains(arn));
    }

    #[test]
    fn an_authorizer_of_none_makes_a_route_public() {
        let text = "
Globals: {HttpApi: {Auth: {DefaultAuthorizer: Tokens}}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: f}}
    Properties:
      Events:
        Hook: {Type: HttpApi, Properties: {Method: post, Path: /hook, Auth: {Authorizer: NONE}}}
        Read: {Type: HttpApi, Properties: {Method: GET, Path: /read}}
        Tick: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
";
        let routes = Template::parse(text).expect("YAML").routes().expect("a valid template");
        let seen: Vec<_> =
            routes.iter().map(|route| (route.method.as_str(), route.requires_token)).collect();
        assert_eq!(seen, [("POST", false), ("GET", true)]);
    }

    #[test]
    fn an_error_names_the_missing_property() {
        fn check(text: &str, expected: &str) {
            let error = Template::parse(text).and_then(|template| template.functions().map(|_| ()));
            let error = error.expect_err("an invalid template").to_string();
            assert!(error.contains(expected), "{error}");
        }
        check(
            "Resources: {F: {Type: AWS::Serverless::Function}}",
            "F: no Metadata.BuildProperties",
        );
        check("a: [", "template.yaml: ");
        let function = "Resources: {F: {Type: AWS::Serverless::Function, \
                        Metadata: {BuildProperties: {Binary: f}}, \
                        Properties: {Environment: {Variables: {A: !Ref Unknown}}}}}";
        check(function, "F: there is no resource or parameter Unknown");
    }
}
