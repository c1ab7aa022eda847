//! What must hold for any bytes that krun reads.
//!
//! Owns one function a reader: it takes bytes and panics if a promise is broken. `libfuzzer/` hands
//! them to cargo-fuzz, `tests/random.rs` gives them the corpus and random changes of it on any
//! toolchain. Never looks at krun from outside: that is `tests/it`.

mod guest;
mod params;
mod properties;
mod script;
mod state;
mod store;

/// A target: its name, which is its corpus's folder, and what must hold.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 6] = [
    ("guest", guest::any),
    ("params", params::any),
    ("properties", properties::any),
    ("script", script::any),
    ("state", state::any),
    ("store", store::any),
];

/// The target with a name.
///
/// # Panics
/// If there is none.
pub fn target(name: &str) -> fn(&[u8]) {
    let found = TARGETS.iter().find(|(other, _)| *other == name);
    match found {
        Some((_, any)) => *any,
        None => panic!("no target is called {name}"),
    }
}
