//! The runbook's file and all it imports: read, parsed and known before anything is evaluated.
//!
//! Imports are plain strings, so what a run has to pin does not depend on what a script does. The
//! resolver that evaluation uses serves what was gathered and nothing else.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use rhai::{
    AST, ASTNode, Engine, EvalAltResult, Expr, GlobalRuntimeState, Module, ModuleResolver,
    Position, Scope, Shared, Stmt,
};

use crate::{
    diagnostic::Diagnostic,
    shelf::{Shelf, import_id},
    site::{self, Sites},
    source::Source,
    syntax,
    world::MAX_MODULES,
};

/// An `import` statement.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// The imported file's id.
    pub id: String,
    /// The name that it goes by, empty without one.
    pub alias: String,
    position: Position,
}

/// A parsed source.
pub(crate) struct Unit {
    /// Its text.
    pub source: Source,
    /// Its tree; none where it does not parse.
    pub ast: Option<AST>,
    /// What it imports.
    pub imports: Vec<Import>,
}

/// All sources of a runbook; its own file comes first.
#[derive(Default)]
pub(crate) struct Units {
    list: Vec<Unit>,
    index: BTreeMap<String, usize>,
    /// Where their calls stand.
    pub sites: Sites,
}

impl Units {
    /// The source with an id; the runbook's own file where there is none such.
    pub fn source(&self, id: &str) -> &Source {
        &self.list[self.index.get(id).copied().unwrap_or(0)].source
    }

    /// The unit with an id.
    pub fn get(&self, id: &str) -> Option<&Unit> {
        self.index.get(id).map(|&index| &self.list[index])
    }

    /// All units, the runbook's own first.
    pub fn iter(&self) -> impl Iterator<Item = &Unit> {
        self.list.iter()
    }

    /// Reads and parses a file and everything it imports.
    ///
    /// # Errors
    /// The file itself can't be read.
    pub fn gather(
        engine: &Engine,
        shelf: &Shelf,
        main: &str,
        found: &mut Vec<Diagnostic>,
    ) -> Result<Self, crate::shelf::Unreadable> {
        let mut units = Self::default();
        let text = shelf.read(main)?;
        units.add(engine, shelf, main, text, found);
        let mut next = 0;
        while next < units.list.len() {
            for import in units.list[next].imports.clone() {
                if units.index.contains_key(&import.id) {
                    continue;
                }
                let place = units.list[next].source.token_place(import.position);
                if units.list.len() > MAX_MODULES {
                    let message = format!("more than {MAX_MODULES} files are imported");
                    found.push(Diagnostic::new("krun::limit", place, message));
                    return Ok(units);
                }
                match shelf.read(&import.id) {
                    Ok(text) => units.add(engine, shelf, &import.id, text, found),
                    Err(why) => found.push(refused(place, why)),
                }
            }
            next += 1;
        }
        units.find_cycles(found);
        Ok(units)
    }

    fn add(
        &mut self,
        engine: &Engine,
        shelf: &Shelf,
        id: &str,
        text: Arc<str>,
        found: &mut Vec<Diagnostic>,
    ) {
        let source = Source::new(engine, id.to_owned(), shelf.shown(id), text);
        let mut imports = vec![];
        let ast = if source.too_large() {
            let message = "the file has more lines or longer lines than can be read";
            found.push(Diagnostic::new("krun::limit", source.place(0, 0), message));
            None
        } else {
            match engine.compile(&source.compiled) {
                Ok(mut ast) => {
                    ast.set_source(id);
                    imports = imports_of(&source, &ast, found);
                    self.sites.add(&source, &ast);
                    Some(ast)
                }
                Err(error) => {
                    found.push(syntax::diagnostic(&source, &error));
                    None
                }
            }
        };
        self.index.insert(id.to_owned(), self.list.len());
        self.list.push(Unit {
            source,
            ast,
            imports,
        });
    }

    fn find_cycles(&self, found: &mut Vec<Diagnostic>) {
        let mut done = vec![false; self.list.len()];
        self.visit(0, &mut vec![], &mut done, found);
    }

    fn visit(
        &self,
        index: usize,
        path: &mut Vec<usize>,
        done: &mut [bool],
        found: &mut Vec<Diagnostic>,
    ) {
        let unit = &self.list[index];
        path.push(index);
        for import in &unit.imports {
            let Some(&to) = self.index.get(&import.id) else {
                continue;
            };
            if let Some(at) = path.iter().position(|&on_path| on_path == to) {
                let names: Vec<_> = path[at..]
                    .iter()
                    .chain([&to])
                    .map(|&index| &*self.list[index].source.id)
                    .collect();
                let place = unit.source.token_place(import.position);
                let message = format!("files import each other: {}", names.join(" → "));
                found.push(Diagnostic::new("krun::import-cycle", place, message));
            } else if !done[to] {
                self.visit(to, path, done, found);
            }
        }
        path.pop();
        done[index] = true;
    }
}

fn refused(place: crate::diagnostic::Place, why: crate::shelf::Unreadable) -> Diagnostic {
    let mut diagnostic = Diagnostic::new("krun::import", place, why.message);
    diagnostic.help = why.help;
    diagnostic
}

fn imports_of(source: &Source, ast: &AST, found: &mut Vec<Diagnostic>) -> Vec<Import> {
    let mut imports = vec![];
    site::walk(ast, &mut |_, path| {
        let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last() else {
            return;
        };
        let (from, alias) = &**import;
        let position = from.start_position();
        let id = match from {
            Expr::StringConstant(text, _) => import_id(text),
            _ => Err(crate::shelf::Unreadable {
                message: "an import's path must be a plain string".to_owned(),
                help: Some("A run pins what it imports, so that must be plain to see.".to_owned()),
            }),
        };
        match id {
            Ok(id) => imports.push(Import {
                id,
                alias: alias.as_str().to_owned(),
                position,
            }),
            Err(why) => found.push(refused(source.token_place(position), why)),
        }
    });
    imports
}

/// Serves what was gathered. A file is evaluated once, however often it is imported.
pub(crate) struct Gathered {
    /// The gathered files.
    pub units: Arc<Units>,
    done: Mutex<HashMap<String, Shared<Module>>>,
}

impl Gathered {
    pub fn new(units: Arc<Units>) -> Self {
        Self {
            units,
            done: Mutex::default(),
        }
    }
}

impl ModuleResolver for Gathered {
    fn resolve(
        &self,
        _engine: &Engine,
        _source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        Err(EvalAltResult::ErrorModuleNotFound(path.to_owned(), position).into())
    }

    /// What `import` calls; with the state of the evaluation, so that its operations are counted.
    fn resolve_raw(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        _scope: &mut Scope,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let missing = || EvalAltResult::ErrorModuleNotFound(path.to_owned(), position);
        let id = import_id(path).map_err(|_| missing())?;
        let done = || self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = done().get(&id) {
            return Ok(module.clone());
        }
        let ast = self.units.get(&id).and_then(|unit| unit.ast.as_ref());
        let ast = ast.ok_or_else(missing)?;
        let module = Module::eval_ast_as_new_raw(engine, &mut Scope::new(), global, ast)
            .map_err(|error| EvalAltResult::ErrorInModule(id.clone(), error, position))?;
        let module = Shared::new(module);
        done().insert(id, module.clone());
        Ok(module)
    }
}
