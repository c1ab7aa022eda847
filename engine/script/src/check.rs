//! What can be said of a script before it is evaluated: unknown functions, wrong numbers of
//! arguments and unknown variables, in branches that never run too.

use std::collections::{BTreeMap, BTreeSet};

use krun_model::names::{listed, nearest};
use rhai::{AST, ASTNode, Engine, Expr, FnCallExpr, Position, Stmt};

use crate::{
    diagnostic::Diagnostic,
    gather::{Unit, Units},
    rewrite::SEEN_BY_SWITCH,
    runtime::not_available,
    site::{self, Function},
    world,
};

/// Functions that are part of Rhai's syntax and registered nowhere.
const SYNTACTIC: &[&str] = &[
    "Fn",
    "call",
    "curry",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "type_of",
];

/// How deep modules are looked into for their modules' functions.
const MODULE_DEPTH: usize = 4;

/// Functions by their full name, with how many arguments they take.
type Functions = BTreeMap<String, BTreeSet<usize>>;

/// Everything that is wrong, in all sources.
pub(crate) fn check(engine: &Engine, units: &Units) -> Vec<Diagnostic> {
    let native = native(engine);
    let properties = properties(units);
    let mut found = vec![];
    for unit in units.iter() {
        if let Some(ast) = &unit.ast {
            let mut own = Functions::new();
            add_scripted(units, unit, "", MODULE_DEPTH, &mut own);
            let check = Check {
                unit,
                ast,
                native: &native,
                own: &own,
                properties: &properties,
            };
            check.run(&mut found);
        }
    }
    found
}

fn native(engine: &Engine) -> Functions {
    let list = engine.collect_fn_metadata(
        None,
        |info| {
            let name = &info.metadata.name;
            let full = if info.namespace.is_empty() {
                name.to_string()
            } else {
                format!("{}::{name}", info.namespace)
            };
            Some((full, info.metadata.num_params))
        },
        true,
    );
    let mut functions = Functions::new();
    for (name, arity) in list {
        functions.entry(name).or_default().insert(arity);
    }
    functions
}

/// Functions that a script defines, and those of what it imports under their alias.
fn add_scripted(units: &Units, unit: &Unit, prefix: &str, depth: usize, into: &mut Functions) {
    for function in unit.ast.iter().flat_map(AST::iter_functions) {
        let private = function.access == rhai::FnAccess::Private && !prefix.is_empty();
        if !private && !is_closure(function.name) {
            into.entry(format!("{prefix}{}", function.name))
                .or_default()
                .insert(function.params.len());
        }
    }
    for import in &unit.imports {
        if let Some(imported) = units.get(&import.id).filter(|_| depth > 0) {
            let prefix = format!("{prefix}{}::", import.alias);
            add_scripted(units, imported, &prefix, depth - 1, into);
        }
    }
}

/// Names that stand for a map's property somewhere: a property that holds a closure is called like
/// a method.
fn properties(units: &Units) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for ast in units.iter().filter_map(|unit| unit.ast.as_ref()) {
        site::walk(ast, &mut |_, path| match path.last() {
            Some(ASTNode::Expr(Expr::Map(map, _))) => {
                names.extend(map.0.iter().map(|(key, _)| key.name.to_string()));
            }
            Some(ASTNode::Expr(Expr::Property(property, _))) => {
                names.insert(property.2.to_string());
            }
            _ => {}
        });
    }
    names
}

struct Check<'a> {
    unit: &'a Unit,
    ast: &'a AST,
    native: &'a Functions,
    own: &'a Functions,
    properties: &'a BTreeSet<String>,
}

impl Check<'_> {
    fn run(&self, found: &mut Vec<Diagnostic>) {
        let variables = self.variables();
        let mut seen = BTreeSet::new();
        site::walk(self.ast, &mut |function, path| {
            let Some(node) = path.last() else {
                return;
            };
            let diagnostic = match node {
                ASTNode::Stmt(Stmt::FnCall(call, at)) | ASTNode::Expr(Expr::FnCall(call, at)) => {
                    self.call(call, *at, false)
                }
                ASTNode::Expr(Expr::MethodCall(call, at)) => self.call(call, *at, true),
                ASTNode::Expr(Expr::Variable(variable, short, at)) => {
                    let resolved = variable.0.is_some() || short.is_some();
                    if resolved || !variable.2.is_empty() {
                        return;
                    }
                    self.variable(&variable.1, *at, function, &variables)
                }
                _ => None,
            };
            if let Some(diagnostic) = diagnostic
                && seen.insert((diagnostic.offset, diagnostic.message.clone()))
            {
                found.push(diagnostic);
            }
        });
    }

    fn arities(&self, name: &str) -> Option<BTreeSet<usize>> {
        match (self.own.get(name), self.native.get(name)) {
            (None, None) => None,
            (own, native) => Some(own.into_iter().chain(native).flatten().copied().collect()),
        }
    }

    fn call(&self, call: &FnCallExpr, position: Position, method: bool) -> Option<Diagnostic> {
        let name = site::full_name(call);
        if call.is_operator_call() || name == SEEN_BY_SWITCH {
            return None;
        }
        if name == "Fn" {
            return self.function_pointer(call);
        }
        if SYNTACTIC.contains(&&*name) || name.starts_with("global::") {
            return None;
        }
        let span = site::callee(&self.unit.source, call, position);
        let place = self.unit.source.place(span.start, span.end);
        if let Some(why) = world::left_out(&name).filter(|_| !self.own.contains_key(&name)) {
            return Some(not_available(&name, why, place));
        }
        if method && self.properties.contains(&name) {
            return None;
        }
        let Some(arities) = self.arities(&name) else {
            return Some(self.unknown(&name, place));
        };
        let given = call.args.len();
        if arities.contains(&given) || method && arities.contains(&(given + 1)) {
            return None;
        }
        let taken: BTreeSet<_> = match method {
            // Of a native function the thing that it is called on is the first argument.
            true => arities.iter().map(|n| n.saturating_sub(1)).collect(),
            false => arities,
        };
        let message = format!("`{name}` takes {} and is given {given}", arguments(&taken));
        Some(Diagnostic::new("krun::arity", place, message))
    }

    fn unknown(&self, name: &str, place: crate::diagnostic::Place) -> Diagnostic {
        let is_word = |known: &&str| known.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let known = || {
            let names = self.own.keys().chain(self.native.keys());
            names
                .map(String::as_str)
                .filter(is_word)
                .filter(|known| *known != SEEN_BY_SWITCH)
                .filter(|known| world::left_out(known).is_none())
        };
        let diagnostic = Diagnostic::new(
            "krun::unknown-function",
            place,
            format!("there is no function `{name}`"),
        );
        if let Some(near) = nearest(name, known()) {
            return diagnostic.did_you_mean(Some(near));
        }
        // A module's name that exists is the better hint than silence.
        let siblings: Vec<_> = name
            .rsplit_once("::")
            .map(|(module, _)| {
                let prefix = format!("{module}::");
                known().filter(|known| known.starts_with(&prefix)).collect()
            })
            .unwrap_or_default();
        if siblings.is_empty() {
            diagnostic
        } else {
            diagnostic.help(format!("There is {}.", listed(siblings)))
        }
    }

    fn function_pointer(&self, call: &FnCallExpr) -> Option<Diagnostic> {
        let Some(Expr::StringConstant(name, position)) = call.args.first() else {
            return None;
        };
        let place = self.unit.source.token_place(*position);
        if let Some(why) = world::left_out(name) {
            return Some(not_available(name, why, place));
        }
        self.arities(name)
            .is_none()
            .then(|| self.unknown(name, place))
    }

    fn variable(
        &self,
        name: &str,
        position: Position,
        function: Option<&Function>,
        variables: &BTreeSet<String>,
    ) -> Option<Diagnostic> {
        let is_parameter = |function: &Function| function.params.contains(&name);
        if self.own.contains_key(name) || function.is_some_and(is_parameter) {
            return None;
        }
        let place = self.unit.source.token_place(position);
        let message = format!("there is no variable `{name}`");
        let diagnostic = Diagnostic::new("krun::unknown-variable", place, message);
        Some(match function {
            Some(function) if variables.contains(name) && !is_closure(function.name) => diagnostic
                .help(format!(
                    "A function sees its own parameters only. Add `{name}` to those of `{}`.",
                    function.name
                )),
            _ => diagnostic.did_you_mean(nearest(name, variables.iter().map(String::as_str))),
        })
    }

    /// Every name that the source gives to a variable somewhere.
    fn variables(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        site::walk(self.ast, &mut |_, path| match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(variable, ..))) => {
                names.insert(variable.0.name.to_string());
            }
            Some(ASTNode::Stmt(Stmt::For(each, _))) => {
                names.insert(each.0.name.to_string());
            }
            _ => {}
        });
        for function in self.ast.iter_functions().filter(|f| !is_closure(f.name)) {
            names.extend(function.params.iter().map(ToString::to_string));
        }
        names
    }
}

/// Whether a function's name is one that Rhai gave to a closure.
pub(crate) fn is_closure(name: &str) -> bool {
    name.starts_with("anon$")
}

fn arguments(counts: &BTreeSet<usize>) -> String {
    let list: Vec<_> = counts.iter().map(usize::to_string).collect();
    match (list.as_slice(), counts.first()) {
        ([_], Some(0)) => "no arguments".to_owned(),
        ([_], Some(1)) => "1 argument".to_owned(),
        ([one], _) => format!("{one} arguments"),
        _ => format!("{} arguments", list.join(" or ")),
    }
}
