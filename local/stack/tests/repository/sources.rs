//! The sources as the compiler sees them: parsed, so that no comment, no string
//! and no test module counts as code.

use std::collections::BTreeSet;
use std::path::Path;

use syn::visit::Visit;

/// Parses a source file.
pub(crate) fn parse(path: &Path) -> syn::File {
    let text = std::fs::read_to_string(path).unwrap();
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether an item exists only in tests.
pub(crate) fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Path>()
                    .is_ok_and(|condition| condition.is_ident("test")))
    })
}

/// The names that a file's code uses: in paths, types and bounds, and as methods.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Every segment of every path.
    pub(crate) paths: BTreeSet<String>,
    /// Every method that is called.
    pub(crate) methods: BTreeSet<String>,
    /// The functions that are called by their path, and the methods of `self` and of its
    /// fields. A method of anything else may be the standard library's.
    pub(crate) called: BTreeSet<String>,
}

fn is_self(expression: &syn::Expr) -> bool {
    matches!(expression, syn::Expr::Path(path) if path.path.is_ident("self"))
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        // An import alone uses nothing.
        let skipped = match item {
            syn::Item::Mod(module) => is_test(&module.attrs),
            syn::Item::Fn(function) => is_test(&function.attrs),
            syn::Item::Use(_) => true,
            _ => false,
        };
        if !skipped {
            syn::visit::visit_item(self, item);
        }
    }

    // Documentation is an attribute.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
        self.paths.insert(segment.ident.to_string());
        syn::visit::visit_path_segment(self, segment);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.methods.insert(call.method.to_string());
        if is_self(&call.receiver)
            || matches!(&*call.receiver, syn::Expr::Field(field) if is_self(&field.base))
        {
            self.called.insert(call.method.to_string());
        }
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = &*call.func
            && let Some(last) = function.path.segments.last()
        {
            self.called.insert(last.ident.to_string());
        }
        syn::visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, makro: &'ast syn::Macro) {
        // `tokio::join!(a, b)` and its like hold expressions.
        let arguments = makro.parse_body_with(
            syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated,
        );
        for argument in arguments.iter().flatten() {
            self.visit_expr(argument);
        }
        syn::visit::visit_macro(self, makro);
    }
}
