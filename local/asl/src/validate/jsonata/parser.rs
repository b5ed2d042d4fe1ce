//! The grammar of `JSONata`: a top-down operator precedence parser like that of jsonata-js, with
//! its messages.
//!
//! It builds no tree. Of each expression it keeps its [`Shape`] and the names it reads from the
//! context item; of the whole text, the [`References`]. Long expressions need no recursion, and nesting is limited by [`MAX_DEPTH`].

use super::error::SyntaxError;
use super::lexer::{Lexer, Token};

/// The maximum nesting, so that recursion cannot overflow the stack.
const MAX_DEPTH: usize = 100;

/// What an expression reads, as far as Step Functions limits it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::validate) struct References {
    /// The names read from the context item, in order.
    pub(in crate::validate) context_names: Vec<String>,
    /// `$$`, the root of the input.
    pub(in crate::validate) root: bool,
    /// `$states.errorOutput`, the error that a catcher caught.
    pub(in crate::validate) error_output: bool,
}

/// The properties of an expression that affect the expressions around it.
enum Shape {
    Name(String),
    Variable(String),
    Text(String),
    /// A number, `true`, `false` or `null` as written.
    Literal(String),
    /// Ends with `{…}`, which neither a predicate nor another `{…}` may follow.
    Grouped,
    Other,
}

struct Node {
    shape: Shape,
    /// The names read from the context item.
    context_names: Vec<String>,
}

impl Node {
    fn other(context_names: Vec<String>) -> Self {
        Self { shape: Shape::Other, context_names }
    }

    fn join(mut self, other: Self) -> Self {
        self.context_names.extend(other.context_names);
        Self::other(self.context_names)
    }
}

/// Parses an expression.
pub(super) fn parse(text: &str) -> Result<References, SyntaxError> {
    let references = References::default();
    let mut parser = Parser { lexer: Lexer::new(text), token: Token::End, depth: 0, references };
    parser.advance(false)?;
    let expression = parser.expression(0)?;
    if parser.token != Token::End {
        return Err(SyntaxError(format!("Syntax error: {}", parser.token.to_json())));
    }
    Ok(References { context_names: expression.context_names, ..parser.references })
}

struct Parser {
    lexer: Lexer,
    token: Token,
    depth: usize,
    references: References,
}

/// How tightly an operator binds its left operand.
fn binding_power(token: &Token) -> u8 {
    let Token::Operator(operator) = token else { return 0 };
    match *operator {
        "[" | "(" | "@" | "#" => 80,
        "." => 75,
        "{" => 70,
        "*" | "/" | "%" => 60,
        "+" | "-" | "&" => 50,
        "=" | "<" | ">" | "!=" | "<=" | ">=" | "~>" | "^" | "in" => 40,
        "and" => 30,
        "or" => 25,
        "?" => 20,
        ":=" => 10,
        _ => 0,
    }
}

impl Parser {
    fn advance(&mut self, infix: bool) -> Result<Token, SyntaxError> {
        let next = self.lexer.next(infix)?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn is(&self, operator: &str) -> bool {
        matches!(&self.token, Token::Operator(found) if *found == operator)
    }

    fn expect(&mut self, operator: &str, infix: bool) -> Result<(), SyntaxError> {
        if self.is(operator) {
            return self.advance(infix).map(drop);
        }
        Err(SyntaxError(match &self.token {
            Token::End => format!("Expected \"{operator}\" before end of expression"),
            found => format!("Expected \"{operator}\", got {}", found.to_json()),
        }))
    }

    fn expression(&mut self, min_power: u8) -> Result<Node, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError("The expression is too deeply nested".to_owned()));
        }
        let first = self.advance(true)?;
        let mut left = self.prefix(first)?;
        while min_power < binding_power(&self.token) {
            let Token::Operator(operator) = self.advance(false)? else { break };
            left = self.infix(left, operator)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// Parses a token at the start of an expression.
    fn prefix(&mut self, token: Token) -> Result<Node, SyntaxError> {
        match token {
            Token::End => Err(SyntaxError("Unexpected end of expression".to_owned())),
            Token::Name(name) => {
                Ok(Node { shape: Shape::Name(name.clone()), context_names: vec![name] })
            }
            Token::Variable(name) => {
                self.references.root |= name == "$";
                Ok(Node { shape: Shape::Variable(name), context_names: Vec::new() })
            }
            Token::Text(text) => Ok(Node { shape: Shape::Text(text), context_names: Vec::new() }),
            Token::Number(text) | Token::Constant(text) => {
                Ok(Node { shape: Shape::Literal(text), context_names: Vec::new() })
            }
            Token::Regex => Ok(Node::other(Vec::new())),
            Token::Operator(operator) => self.prefix_operator(operator),
        }
    }

    fn prefix_operator(&mut self, operator: &'static str) -> Result<Node, SyntaxError> {
        match operator {
            "-" => self.expression(70).map(|node| Node::other(node.context_names)),
            "(" => self.block(),
            "[" => self.array(),
            "{" => self.pairs().map(Node::other),
            "|" => self.transform(),
            "*" | "**" | "%" => Ok(Node::other(Vec::new())),
            "and" | "or" | "in" => {
                let name = operator.to_owned();
                Ok(Node { shape: Shape::Name(name.clone()), context_names: vec![name] })
            }
            _ => Err(SyntaxError(format!(
                "The symbol \"{operator}\" cannot be used as a unary operator"
            ))),
        }
    }

    /// Parses an operator after an expression.
    fn infix(&mut self, left: Node, operator: &'static str) -> Result<Node, SyntaxError> {
        match operator {
            "." => self.path_step(left),
            "[" => self.predicate(left),
            "{" => self.grouping(left),
            "(" => self.call(left),
            "^" => self.order(left),
            "@" | "#" => self.binding_of_step(left, operator),
            "?" => self.condition(left),
            ":=" => {
                if !matches!(left.shape, Shape::Variable(_)) {
                    let expected = "The left side of := must be a variable name (start with $)";
                    return Err(SyntaxError(expected.to_owned()));
                }
                self.expression(9).map(|value| Node::other(value.context_names))
            }
            _ => {
                let right = self.expression(binding_power(&Token::Operator(operator)))?;
                Ok(left.join(right))
            }
        }
    }

    fn path_step(&mut self, mut left: Node) -> Result<Node, SyntaxError> {
        let right = self.expression(75)?;
        for side in [&left.shape, &right.shape] {
            if let Shape::Literal(text) = side {
                return Err(SyntaxError(format!(
                    "The literal value {text} cannot be used as a step within a path expression"
                )));
            }
        }
        if let (Shape::Variable(variable), Shape::Name(field)) = (&left.shape, &right.shape) {
            self.references.error_output |= variable == "states" && field == "errorOutput";
        }
        // A string at the start of a path is a quoted name.
        if let Shape::Text(name) = left.shape {
            left.context_names.push(name);
        }
        let shape = match right.shape {
            Shape::Grouped => Shape::Grouped,
            _ => Shape::Other,
        };
        Ok(Node { shape, context_names: left.context_names })
    }

    fn predicate(&mut self, left: Node) -> Result<Node, SyntaxError> {
        if matches!(left.shape, Shape::Grouped) {
            let message = "A predicate cannot follow a grouping expression in a step";
            return Err(SyntaxError(message.to_owned()));
        }
        if self.is("]") {
            self.advance(true)?;
        } else {
            self.expression(0)?;
            self.expect("]", true)?;
        }
        Ok(Node::other(left.context_names))
    }

    fn grouping(&mut self, left: Node) -> Result<Node, SyntaxError> {
        if matches!(left.shape, Shape::Grouped) {
            return Err(SyntaxError("Each step can only have one grouping expression".to_owned()));
        }
        self.pairs()?;
        Ok(Node { shape: Shape::Grouped, context_names: left.context_names })
    }

    fn call(&mut self, left: Node) -> Result<Node, SyntaxError> {
        let mut context_names = left.context_names;
        let is_definition =
            matches!(&left.shape, Shape::Name(name) if name == "function" || name == "λ");
        if is_definition {
            context_names.clear();
        }
        let mut position = 0;
        while !self.is(")") {
            position += 1;
            if self.is("?") {
                self.advance(true)?;
            } else {
                let argument = self.expression(0)?;
                if is_definition && !matches!(argument.shape, Shape::Variable(_)) {
                    return Err(SyntaxError(format!(
                        "Parameter {position} of function definition must be a variable name \
                         (start with $)"
                    )));
                }
                context_names.extend(argument.context_names);
            }
            if !self.is(",") {
                break;
            }
            self.advance(false)?;
        }
        self.expect(")", true)?;
        if is_definition {
            context_names.extend(self.function_body()?.context_names);
        }
        Ok(Node::other(context_names))
    }

    fn function_body(&mut self) -> Result<Node, SyntaxError> {
        if self.is("<") {
            let mut open = 1;
            while open > 0 && !self.is("{") && self.token != Token::End {
                self.advance(true)?;
                open += i32::from(self.is("<")) - i32::from(self.is(">"));
            }
            self.expect(">", true)?;
        }
        self.expect("{", false)?;
        let body = self.expression(0)?;
        self.expect("}", true)?;
        Ok(body)
    }

    fn order(&mut self, left: Node) -> Result<Node, SyntaxError> {
        self.expect("(", false)?;
        loop {
            if self.is("<") || self.is(">") {
                self.advance(false)?;
            }
            self.expression(0)?;
            if !self.is(",") {
                break;
            }
            self.advance(false)?;
        }
        self.expect(")", true)?;
        Ok(Node::other(left.context_names))
    }

    fn binding_of_step(&mut self, left: Node, operator: &str) -> Result<Node, SyntaxError> {
        let right = self.expression(80)?;
        if !matches!(right.shape, Shape::Variable(_)) {
            return Err(SyntaxError(format!(
                "The right side of \"{operator}\" must be a variable name (start with $)"
            )));
        }
        Ok(Node::other(left.context_names))
    }

    fn condition(&mut self, left: Node) -> Result<Node, SyntaxError> {
        let mut expression = left.join(self.expression(0)?);
        if self.is(":") {
            self.advance(false)?;
            expression = expression.join(self.expression(0)?);
        }
        Ok(expression)
    }

    fn block(&mut self) -> Result<Node, SyntaxError> {
        let mut context_names = Vec::new();
        while !self.is(")") {
            context_names.extend(self.expression(0)?.context_names);
            if !self.is(";") {
                break;
            }
            self.advance(false)?;
        }
        self.expect(")", true)?;
        Ok(Node::other(context_names))
    }

    fn array(&mut self) -> Result<Node, SyntaxError> {
        let mut context_names = Vec::new();
        if !self.is("]") {
            loop {
                context_names.extend(self.expression(0)?.context_names);
                if self.is("..") {
                    self.advance(false)?;
                    context_names.extend(self.expression(0)?.context_names);
                }
                if !self.is(",") {
                    break;
                }
                self.advance(false)?;
            }
        }
        self.expect("]", true)?;
        Ok(Node::other(context_names))
    }

    /// The contents of `{…}`, after the opening brace.
    fn pairs(&mut self) -> Result<Vec<String>, SyntaxError> {
        let mut context_names = Vec::new();
        if !self.is("}") {
            loop {
                context_names.extend(self.expression(0)?.context_names);
                self.expect(":", false)?;
                context_names.extend(self.expression(0)?.context_names);
                if !self.is(",") {
                    break;
                }
                self.advance(false)?;
            }
        }
        self.expect("}", true)?;
        Ok(context_names)
    }

    /// `|pattern|update,delete|` is a function of its input, which its names refer to.
    fn transform(&mut self) -> Result<Node, SyntaxError> {
        self.expression(0)?;
        self.expect("|", false)?;
        self.expression(0)?;
        if self.is(",") {
            self.advance(false)?;
            self.expression(0)?;
        }
        self.expect("|", true)?;
        Ok(Node::other(Vec::new()))
    }
}
