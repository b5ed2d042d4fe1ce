//! The grammar of `JSONata`: a top-down operator precedence parser, as in
//! jsonata-js, whose sentences it gives.
//!
//! It builds no tree. Of each expression it keeps what its neighbours ask: its
//! [`Shape`], and the names that it takes from the context item. So an
//! expression of any length costs no depth, and nesting is bounded by [`DEEPEST`].

use super::Fault;
use super::lexer::{Lexer, Token};

/// No expression written by people comes near; the bound keeps the stack.
const DEEPEST: usize = 100;

/// What a neighbour needs to know of an expression.
enum Shape {
    Name(String),
    Variable,
    Text(String),
    /// A number, or `true`, `false`, `null`: as it is written.
    Literal(String),
    /// Ends in `{…}`, after which neither a predicate nor another may follow.
    Grouped,
    Other,
}

struct Node {
    shape: Shape,
    /// Names read from the context item of the whole expression.
    free: Vec<String>,
}

impl Node {
    fn other(free: Vec<String>) -> Self {
        Self { shape: Shape::Other, free }
    }

    fn joined(mut self, other: Self) -> Self {
        self.free.extend(other.free);
        Self::other(self.free)
    }
}

/// Reads a whole expression; gives the names that it takes from the context.
pub(super) fn parse(text: &str) -> Result<Vec<String>, Fault> {
    let mut parser = Parser { lexer: Lexer::new(text), token: Token::End, depth: 0 };
    parser.advance(false)?;
    let whole = parser.expression(0)?;
    if parser.token != Token::End {
        return Err(Fault(format!("Syntax error: {}", parser.token.shown())));
    }
    Ok(whole.free)
}

struct Parser {
    lexer: Lexer,
    token: Token,
    depth: usize,
}

/// How tightly an operator holds what stands to its left.
fn binding(token: &Token) -> u8 {
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
    fn advance(&mut self, infix: bool) -> Result<Token, Fault> {
        let next = self.lexer.next(infix)?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn is(&self, operator: &str) -> bool {
        matches!(&self.token, Token::Operator(found) if *found == operator)
    }

    fn expect(&mut self, operator: &str, infix: bool) -> Result<(), Fault> {
        if self.is(operator) {
            return self.advance(infix).map(drop);
        }
        Err(Fault(match &self.token {
            Token::End => format!("Expected \"{operator}\" before end of expression"),
            found => format!("Expected \"{operator}\", got {}", found.shown()),
        }))
    }

    fn expression(&mut self, right_binding: u8) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Fault("The expression is too deeply nested".to_owned()));
        }
        let first = self.advance(true)?;
        let mut left = self.begin(first)?;
        while right_binding < binding(&self.token) {
            let Token::Operator(operator) = self.advance(false)? else { break };
            left = self.go_on(left, operator)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// What a token means where an expression begins.
    fn begin(&mut self, token: Token) -> Result<Node, Fault> {
        match token {
            Token::End => Err(Fault("Unexpected end of expression".to_owned())),
            Token::Name(name) => Ok(Node { shape: Shape::Name(name.clone()), free: vec![name] }),
            Token::Variable(_) => Ok(Node { shape: Shape::Variable, free: Vec::new() }),
            Token::Text(text) => Ok(Node { shape: Shape::Text(text), free: Vec::new() }),
            Token::Number(text) | Token::Constant(text) => {
                Ok(Node { shape: Shape::Literal(text), free: Vec::new() })
            }
            Token::Regex => Ok(Node::other(Vec::new())),
            Token::Operator(operator) => self.begin_with(operator),
        }
    }

    fn begin_with(&mut self, operator: &'static str) -> Result<Node, Fault> {
        match operator {
            "-" => self.expression(70).map(|node| Node::other(node.free)),
            "(" => self.block(),
            "[" => self.array(),
            "{" => self.pairs().map(Node::other),
            "|" => self.transform(),
            "*" | "**" | "%" => Ok(Node::other(Vec::new())),
            "and" | "or" | "in" => {
                let name = operator.to_owned();
                Ok(Node { shape: Shape::Name(name.clone()), free: vec![name] })
            }
            _ => {
                Err(Fault(format!("The symbol \"{operator}\" cannot be used as a unary operator")))
            }
        }
    }

    /// What an operator means after an expression.
    fn go_on(&mut self, left: Node, operator: &'static str) -> Result<Node, Fault> {
        match operator {
            "." => self.path_step(left),
            "[" => self.predicate(left),
            "{" => self.grouping(left),
            "(" => self.call(left),
            "^" => self.order(left),
            "@" | "#" => self.binding_of_step(left, operator),
            "?" => self.condition(left),
            ":=" => {
                if !matches!(left.shape, Shape::Variable) {
                    let wanted = "The left side of := must be a variable name (start with $)";
                    return Err(Fault(wanted.to_owned()));
                }
                self.expression(9).map(|value| Node::other(value.free))
            }
            _ => {
                let right = self.expression(binding(&Token::Operator(operator)))?;
                Ok(left.joined(right))
            }
        }
    }

    fn path_step(&mut self, mut left: Node) -> Result<Node, Fault> {
        let right = self.expression(75)?;
        for side in [&left.shape, &right.shape] {
            if let Shape::Literal(text) = side {
                return Err(Fault(format!(
                    "The literal value {text} cannot be used as a step within a path expression"
                )));
            }
        }
        // A text at the head of a path is a name in quotes.
        if let Shape::Text(name) = left.shape {
            left.free.push(name);
        }
        let shape = match right.shape {
            Shape::Grouped => Shape::Grouped,
            _ => Shape::Other,
        };
        Ok(Node { shape, free: left.free })
    }

    fn predicate(&mut self, left: Node) -> Result<Node, Fault> {
        if matches!(left.shape, Shape::Grouped) {
            let wrong = "A predicate cannot follow a grouping expression in a step";
            return Err(Fault(wrong.to_owned()));
        }
        if self.is("]") {
            self.advance(true)?;
        } else {
            self.expression(0)?;
            self.expect("]", true)?;
        }
        Ok(Node::other(left.free))
    }

    fn grouping(&mut self, left: Node) -> Result<Node, Fault> {
        if matches!(left.shape, Shape::Grouped) {
            return Err(Fault("Each step can only have one grouping expression".to_owned()));
        }
        self.pairs()?;
        Ok(Node { shape: Shape::Grouped, free: left.free })
    }

    fn call(&mut self, left: Node) -> Result<Node, Fault> {
        let mut free = left.free;
        let defines = matches!(&left.shape, Shape::Name(name) if name == "function" || name == "λ");
        if defines {
            free.clear();
        }
        let mut position = 0;
        while !self.is(")") {
            position += 1;
            if self.is("?") {
                self.advance(true)?;
            } else {
                let argument = self.expression(0)?;
                if defines && !matches!(argument.shape, Shape::Variable) {
                    return Err(Fault(format!(
                        "Parameter {position} of function definition must be a variable name \
                         (start with $)"
                    )));
                }
                free.extend(argument.free);
            }
            if !self.is(",") {
                break;
            }
            self.advance(false)?;
        }
        self.expect(")", true)?;
        if defines {
            free.extend(self.function_body()?.free);
        }
        Ok(Node::other(free))
    }

    fn function_body(&mut self) -> Result<Node, Fault> {
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

    fn order(&mut self, left: Node) -> Result<Node, Fault> {
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
        Ok(Node::other(left.free))
    }

    fn binding_of_step(&mut self, left: Node, operator: &str) -> Result<Node, Fault> {
        let right = self.expression(80)?;
        if !matches!(right.shape, Shape::Variable) {
            return Err(Fault(format!(
                "The right side of \"{operator}\" must be a variable name (start with $)"
            )));
        }
        Ok(Node::other(left.free))
    }

    fn condition(&mut self, left: Node) -> Result<Node, Fault> {
        let mut whole = left.joined(self.expression(0)?);
        if self.is(":") {
            self.advance(false)?;
            whole = whole.joined(self.expression(0)?);
        }
        Ok(whole)
    }

    fn block(&mut self) -> Result<Node, Fault> {
        let mut free = Vec::new();
        while !self.is(")") {
            free.extend(self.expression(0)?.free);
            if !self.is(";") {
                break;
            }
            self.advance(false)?;
        }
        self.expect(")", true)?;
        Ok(Node::other(free))
    }

    fn array(&mut self) -> Result<Node, Fault> {
        let mut free = Vec::new();
        if !self.is("]") {
            loop {
                free.extend(self.expression(0)?.free);
                if self.is("..") {
                    self.advance(false)?;
                    free.extend(self.expression(0)?.free);
                }
                if !self.is(",") {
                    break;
                }
                self.advance(false)?;
            }
        }
        self.expect("]", true)?;
        Ok(Node::other(free))
    }

    /// The inside of `{…}`, after its opening brace.
    fn pairs(&mut self) -> Result<Vec<String>, Fault> {
        let mut free = Vec::new();
        if !self.is("}") {
            loop {
                free.extend(self.expression(0)?.free);
                self.expect(":", false)?;
                free.extend(self.expression(0)?.free);
                if !self.is(",") {
                    break;
                }
                self.advance(false)?;
            }
        }
        self.expect("}", true)?;
        Ok(free)
    }

    /// `|pattern|update,delete|` is a function of its input: what it names lies there.
    fn transform(&mut self) -> Result<Node, Fault> {
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
