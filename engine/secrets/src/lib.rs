//! The values of secrets while krun runs: where they are had from, the key, sealing, concealing.
//!
//! The design is told in [`krun_model::secret`]. This crate owns the [`Vault`]: values, each had once and
//! kept in memory that is overwritten afterwards; the key ([`KeyFile`]), and what is made with it
//! ([`Sealer`]); the search for known values in text ([`Veil`]). It never writes anything but the key, and
//! decides nothing about what is sealed: that is `run`.

mod key;
mod seal;
mod source;
mod vault;
mod veil;

pub use key::KeyFile;
pub use seal::{KeyId, Sealer};
pub use vault::Vault;
pub use veil::Veil;
