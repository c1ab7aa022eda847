//! A sweep: krun is ended with SIGKILL at every record of its journal, and what comes after is
//! compared with an undisturbed life of the same deployment.
//!
//! A *life* is what happens to one scratch deployment: a run, and a rollback to its baseline. A
//! *trial* is one kill in a life and what must follow:
//!
//! | trial | krun is killed | then |
//! |---|---|---|
//! | goes on | in the run | the same command again ends as the undisturbed run did |
//! | rolls back | in the run | a rollback leaves nothing, as if there had been no run |
//! | rollback goes on | in the rollback | the same command again leaves nothing |
//!
//! This crate owns: which points there are ([`points`]), a scratch deployment and its krun processes,
//! the witnesses that look at files and processes without asking krun or its journal, and the verdict.
//! It never touches anything outside its scratch folder, never kills a process that does not carry
//! krun's marker and the scratch folder's name, never looks into a cluster itself ([`Clusters`]), and
//! never prints.

mod baseline;
mod life;
mod points;
mod scratch;
mod sweep;
mod tree;
mod trial;
mod witness;

pub use points::{Point, points};
pub use scratch::{Place, Spec, is_kept};
pub use sweep::{Sweep, Totals, Undisturbed};
pub use tree::Tree;
pub use trial::{Row, Trial, What};

use krun_model::{Fault, Map};

/// What is in clusters, for who can look: topics with partitions, replicas and records, as text.
pub trait Clusters: Sync {
    /// The topics of the cluster behind these bootstrap servers; none if nobody answers there.
    ///
    /// # Errors
    /// A cluster that answers but does not tell.
    fn topics(&self, bootstrap: &[String]) -> Result<Option<Map<String>>, Fault>;
}
