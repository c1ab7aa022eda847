//! Where calls stand in the source: what to underline, and the prose above them.
//!
//! Rhai tells a native function the position of its call and nothing more; the rest is looked up
//! here, from a walk over the tree before evaluation.

use std::{collections::HashMap, ops::Range};

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use crate::source::Source;

/// One call of a function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    /// The function's name with its modules, as it stands there.
    pub name: String,
    /// The bytes of that name.
    pub callee: Range<usize>,
    /// The bytes of each argument.
    pub args: Vec<Range<usize>>,
    /// The first argument where it is a plain string.
    pub literal: Option<String>,
    /// In the last argument, where it is a literal map: the bytes of each key and its value.
    pub entries: HashMap<String, (Range<usize>, Range<usize>)>,
    /// The line on which the statement begins that the call stands in.
    pub statement_line: usize,
}

/// The calls of all sources, by the source's id and the call's position.
#[derive(Debug, Default)]
pub(crate) struct Sites(HashMap<String, HashMap<Position, Site>>);

impl Sites {
    /// Adds the calls of one source.
    pub fn add(&mut self, source: &Source, ast: &AST) {
        let found = self.0.entry(source.id.clone()).or_default();
        walk(ast, &mut |_, path| {
            let (call, position) = match path.last() {
                Some(
                    ASTNode::Stmt(Stmt::FnCall(call, position))
                    | ASTNode::Expr(Expr::FnCall(call, position) | Expr::MethodCall(call, position)),
                ) if !call.is_operator_call() => (call, *position),
                _ => return,
            };
            found.insert(position, site(source, call, position, path));
        });
    }

    /// The call at a position.
    pub fn get(&self, id: &str, position: Position) -> Option<&Site> {
        self.0.get(id)?.get(&position)
    }

    /// All calls of a function, in any source.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Site> {
        self.0
            .values()
            .flat_map(HashMap::values)
            .filter(move |site| site.name == name)
    }
}

/// A function that a script defines, for [`walk`].
pub(crate) struct Function<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its parameters; of a closure also what it captures.
    pub params: Vec<&'a str>,
}

/// Calls `found` for each node of a script and its functions, with the function it stands in and
/// the path to it.
pub(crate) fn walk(ast: &AST, found: &mut dyn FnMut(Option<&Function>, &[ASTNode])) {
    walk_tree(&ast.clone_statements_only(), None, found);
    for function in ast.iter_functions() {
        // Rhai's own filtered clone does not filter (1.27).
        let mut body = ast.clone_functions_only();
        body.retain_functions(|_, _, name, params| {
            name == function.name && params == function.params.len()
        });
        let function = Function {
            name: function.name,
            params: function.params,
        };
        walk_tree(&body, Some(&function), found);
    }
}

fn walk_tree(
    ast: &AST,
    function: Option<&Function>,
    found: &mut dyn FnMut(Option<&Function>, &[ASTNode]),
) {
    ast.walk(&mut |path: &[ASTNode]| {
        found(function, path);
        // Rhai's walk leaves out what `break` gives back.
        if let Some(ASTNode::Stmt(Stmt::BreakLoop(Some(value), ..))) = path.last() {
            value.walk(&mut vec![], &mut |path: &[ASTNode]| {
                found(function, path);
                true
            });
        }
        true
    });
}

/// A function's name with its modules.
pub(crate) fn full_name(call: &FnCallExpr) -> String {
    if call.is_qualified() {
        format!("{}::{}", call.namespace, call.name)
    } else {
        call.name.to_string()
    }
}

/// The bytes of a function's name with its modules.
pub(crate) fn callee(source: &Source, call: &FnCallExpr, position: Position) -> Range<usize> {
    let name = source.token_place(position);
    let start = if call.is_qualified() {
        source.offset(call.namespace.position())
    } else {
        name.offset
    };
    start..name.offset + name.len
}

fn site(source: &Source, call: &FnCallExpr, position: Position, path: &[ASTNode]) -> Site {
    let range = |expr: &Expr| {
        let start = start(source, expr);
        start..source.expression_end(start)
    };
    let callee = callee(source, call, position);
    let statement = path
        .iter()
        .rev()
        .find_map(|node| match node {
            ASTNode::Stmt(Stmt::Assignment(x)) => Some(x.1.lhs.start_position()),
            ASTNode::Stmt(stmt) => Some(stmt.position()),
            _ => None,
        })
        .filter(|position| !position.is_none())
        .map_or(callee.start, |position| source.offset(position));
    Site {
        name: full_name(call),
        statement_line: source.line(statement.min(callee.start)),
        args: call.args.iter().map(range).collect(),
        literal: match call.args.first() {
            Some(Expr::StringConstant(text, _)) => Some(text.to_string()),
            _ => None,
        },
        entries: match call.args.last() {
            Some(Expr::Map(map, _)) => map
                .0
                .iter()
                .map(|(key, value)| {
                    let place = source.token_place(key.pos);
                    let key_range = place.offset..place.offset + place.len;
                    // In the source a colon stands between them; brackets around the value, which
                    // the tree does not have, come after it.
                    let from = source
                        .behind_next(key_range.end)
                        .unwrap_or(start(source, value));
                    let value_range = from..source.expression_end(from);
                    (key.name.to_string(), (key_range, value_range))
                })
                .collect(),
            _ => HashMap::new(),
        },
        callee,
    }
}

/// Where an expression begins. Rhai puts an operator's call at the operator.
fn start(source: &Source, expr: &Expr) -> usize {
    let own = source.offset(expr.start_position());
    match expr {
        Expr::FnCall(call, _) if call.is_operator_call() => {
            let first = call.args.first().map(|first| start(source, first));
            first.map_or(own, |first| first.min(own))
        }
        _ => own,
    }
}
