//! The HTTP API: API Gateway in front of `order-api`.
//!
//! A request becomes an HTTP API event (payload format 2.0) for the function of the
//! matching route, and the function's response becomes the HTTP response. The routes and
//! their scopes come from the template.
//!
//! - Tokens are for development: `Authorization: Bearer dev:<sub>:<scopes>` becomes the
//!   claims of a JWT. A missing token gets 401 and a missing scope 403, with API Gateway's
//!   messages.
//! - API Gateway's limits apply: 10 MB for a body and 30 seconds for an integration.
//! - `/healthz` and `/_local/` ([`crate::panel`]) belong to the stack.
//! - An edited file of the web page comes from the disk ([`console`]).
//!
//! Start with [`routes`] and [`identity`], then [`mod@event`] and [`mod@response`].

mod console;
mod event;
mod identity;
mod response;
mod routes;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::clock::StackClock;
use crate::http::{
    Handler, Reply, Request, Response, Server, StatusCode, add_header, header, response,
};
use crate::lambda::LambdaHost;
use crate::panel::{Panel, Placement};
use crate::template::TemplateRoute;
use console::ConsoleFolder;
use event::HttpApiRequest;
use identity::{AuthorizationError, Identity};
use routes::{RouteMatch, Routes};

/// API Gateway's time limit for a function.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The running HTTP API. It stops when it is dropped.
#[derive(Debug)]
pub struct ApiGateway {
    server: Server,
}

impl ApiGateway {
    /// Serves these routes, the web page of this folder, and the local panel, on this listener.
    ///
    /// # Errors
    /// When the listener has no local address.
    pub(crate) fn start(
        listener: TcpListener,
        routes: Vec<TemplateRoute>,
        console: PathBuf,
        lambda: Arc<LambdaHost>,
        clock: StackClock,
        panel: Panel,
    ) -> io::Result<Self> {
        let (routes, console) = (Routes::new(routes), ConsoleFolder::new(console));
        let front = HttpApi { routes, console, lambda, clock, panel: Some(panel) };
        Ok(Self { server: Server::start(listener, front)? })
    }

    /// The base URL.
    pub fn url(&self) -> String {
        self.server.url()
    }
}

struct HttpApi {
    routes: Routes,
    console: ConsoleFolder,
    lambda: Arc<LambdaHost>,
    clock: StackClock,
    panel: Option<Panel>,
}

impl Handler for HttpApi {
    const BODY_LIMIT: usize = 10 * 1024 * 1024;

    async fn handle(&self, request: Request) -> Reply {
        // The page polls the panel. That alone must not keep the clock from skipping.
        if let Some(panel) = self.panel.as_ref().filter(|_| Panel::serves(request.uri().path())) {
            return panel.respond(&request).await.into();
        }
        let _busy = self.clock.busy("a request to the API");
        self.respond(&request).await.unwrap_or_else(|error| error).into()
    }

    fn too_large(&self) -> Response {
        message_response(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
    }
}

impl HttpApi {
    async fn respond(&self, request: &Request) -> Result<Response, Response> {
        if request.uri().path() == "/healthz" {
            return Ok(response(StatusCode::OK, "application/json", r#"{"status":"ok"}"#));
        }
        let Some(route_match) = self.routes.find(request.method(), request.uri().path()) else {
            return Err(message_response(StatusCode::NOT_FOUND, "Not Found"));
        };
        let authorization = header(request.headers(), "authorization");
        let identity = Identity::authorize(authorization, route_match.route)
            .map_err(|denied| unauthorized_response(&denied))?;
        let placement = self.begin_placement(request, &route_match, identity.as_ref()).await;
        let incoming =
            HttpApiRequest { request, route_match: &route_match, identity, at: self.clock.now() };
        let event = incoming.event();
        if let Some(edited) = self.console.respond(&event).await {
            return response::from_payload(&edited).ok_or_else(internal_error);
        }
        let function = &route_match.route.function;
        let response = self.invoke(function, event.to_string().into()).await;
        if let (Some(panel), Some(placement)) = (&self.panel, placement) {
            panel.end_placement(placement).await;
        }
        response
    }

    /// Plants the faults that are armed for the next order, if this request places it.
    async fn begin_placement(
        &self,
        request: &Request,
        route_match: &RouteMatch<'_>,
        identity: Option<&Identity>,
    ) -> Option<Placement> {
        let route = route_match.route;
        if (route.method.as_str(), route.path.as_str()) != ("POST", "/orders") {
            return None;
        }
        let key = header(request.headers(), "idempotency-key");
        self.panel.as_ref()?.begin_placement(identity?.sub(), key).await
    }

    async fn invoke(&self, function: &str, event: Bytes) -> Result<Response, Response> {
        let invoked = timeout(INTEGRATION_TIMEOUT, self.lambda.invoke(function, event)).await;
        let unavailable =
            || message_response(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        let outcome = invoked.map_err(|_elapsed| unavailable())?.map_err(|error| {
            tracing::warn!(function, %error, "the API could not invoke a function");
            unavailable()
        })?;
        if outcome.function_error.is_some() {
            return Err(internal_error());
        }
        response::from_outcome(&outcome).ok_or_else(internal_error)
    }
}

fn internal_error() -> Response {
    message_response(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

fn unauthorized_response(denied: &AuthorizationError) -> Response {
    let (status, text, challenge) = match denied {
        AuthorizationError::MissingToken => {
            (StatusCode::UNAUTHORIZED, "Unauthorized", "Bearer".to_owned())
        }
        AuthorizationError::InsufficientScope(scopes) => {
            let challenge = format!("Bearer scope=\"{scopes}\" error=\"insufficient_scope\"");
            (StatusCode::FORBIDDEN, "Forbidden", challenge)
        }
    };
    let mut response = message_response(status, text);
    add_header(&mut response, "www-authenticate", &challenge);
    response
}

fn message_response(status: StatusCode, text: &str) -> Response {
    response(status, "application/json", json!({ "message": text }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ClockSettings;
    use crate::counters::Counters;
    use crate::faults::Faults;
    use crate::lambda::{EventRetries, FunctionSettings, HostSettings};

    fn function() -> FunctionSettings {
        FunctionSettings {
            name: "order-api".to_owned(),
            logical_id: "OrderApiFunction".to_owned(),
            alias: None,
            binary: "/nowhere".into(),
            timeout: Duration::from_mins(1),
            memory_mb: 128,
            environment: std::collections::BTreeMap::new(),
            max_concurrency: 1,
            retries: EventRetries::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_that_takes_over_thirty_seconds_is_unavailable() {
        let (clock, faults) = (StackClock::new(ClockSettings::default()), Faults::new());
        let hang = json!([{ "at": "function.order-api", "kind": "hang" }]);
        faults.add_json(&hang).expect("a plan");
        let settings = HostSettings { functions: vec![function()], ..HostSettings::default() };
        let lambda = LambdaHost::start(settings, clock.clone(), Counters::new(), faults);
        let lambda = lambda.expect("the host starts");
        let front = HttpApi {
            routes: Routes::new(Vec::new()),
            console: ConsoleFolder::new("/nowhere".into()),
            lambda,
            clock,
            panel: None,
        };
        let response =
            front.invoke("order-api", Bytes::from("{}")).await.expect_err("the time limit");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
