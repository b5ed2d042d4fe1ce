//! Route selection of an HTTP API: a fixed segment before a variable, a variable before a
//! greedy variable, a method before `ANY`.

use crate::http::{Method, percent_decoded};
use crate::template::TemplateRoute;

/// All routes, most specific first.
#[derive(Debug)]
pub(super) struct Routes(Vec<TemplateRoute>);

/// The matching route of a request, with its path parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RouteMatch<'a> {
    pub(super) route: &'a TemplateRoute,
    pub(super) parameters: Vec<(String, String)>,
}

impl Routes {
    pub(super) fn new(mut routes: Vec<TemplateRoute>) -> Self {
        routes.sort_by_key(rank);
        Self(routes)
    }

    pub(super) fn find(&self, method: &Method, path: &str) -> Option<RouteMatch<'_>> {
        self.0.iter().find_map(|route| {
            let fits = route.method == "ANY" || route.method == method.as_str();
            let parameters = if fits { parameters(&route.path, path) } else { None };
            parameters.map(|parameters| RouteMatch { route, parameters })
        })
    }
}

/// The sort key of a route: lower is more specific.
fn rank(route: &TemplateRoute) -> (Vec<u8>, bool) {
    let kind = |part: &str| match (part.starts_with('{'), part.ends_with("+}")) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => 2,
    };
    (route.path.split('/').map(kind).collect(), route.method == "ANY")
}

/// The path parameters, if the path matches the pattern.
fn parameters(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut parts = path.split('/');
    for expected in pattern.split('/') {
        let part = expected.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        let Some(name) = part else {
            if parts.next()? != expected {
                return None;
            }
            continue;
        };
        let value = match name.strip_suffix('+') {
            Some(_) => parts.by_ref().collect::<Vec<_>>().join("/"),
            None => parts.next()?.to_owned(),
        };
        if value.is_empty() {
            return None;
        }
        found.push((name.trim_end_matches('+').to_owned(), percent_decoded(&value)));
    }
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(key: &str) -> TemplateRoute {
        let (method, path) = key.split_once(' ').expect("a method and a path");
        TemplateRoute {
            function: "f".to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            requires_token: false,
            scopes: Vec::new(),
        }
    }

    #[test]
    fn the_most_specific_route_is_chosen_and_its_parameters_are_decoded() {
        let keys = [
            "GET /{proxy+}",
            "GET /orders/{orderId}",
            "ANY /orders",
            "GET /orders",
            "GET /orders/{orderId}/execution",
            "GET /orders/none",
            "GET /",
        ];
        let routes = Routes::new(keys.iter().map(|key| route(key)).collect());
        let check = |method: &str, path: &str, expected: Option<(&str, &[(&str, &str)])>| {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let route_match = routes.find(&method, path);
            let seen = route_match.map(|route_match| {
                let key = format!("{} {}", route_match.route.method, route_match.route.path);
                (key, route_match.parameters)
            });
            let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
            let expected = expected
                .map(|(key, parameters)| (key.to_owned(), parameters.iter().map(owned).collect()));
            assert_eq!(seen, expected, "{method} {path}");
        };
        check("GET", "/", Some(("GET /", &[])));
        check("GET", "/orders", Some(("GET /orders", &[])));
        check("POST", "/orders", Some(("ANY /orders", &[])));
        check("GET", "/orders/o%201", Some(("GET /orders/{orderId}", &[("orderId", "o 1")])));
        check("GET", "/orders/none", Some(("GET /orders/none", &[])));
        let execution = "GET /orders/{orderId}/execution";
        check("GET", "/orders/o1/execution", Some((execution, &[("orderId", "o1")])));
        check("GET", "/a/b/c", Some(("GET /{proxy+}", &[("proxy", "a/b/c")])));
        check("GET", "/orders/", Some(("GET /{proxy+}", &[("proxy", "orders/")])));
        check("DELETE", "/a", None);
    }
}
