//! What is told of a soak.

use krun_simulate::{Soak, Soaked};

/// Prints the figures of a soak in which every promise held.
///
/// # Panics
/// With all that was said, where one did not.
pub fn held(of: &str, soak: &Soak, soaked: &Soaked) {
    if let Some(failure) = &soaked.failure {
        panic!(
            "{of}, seed {}: {}\n{}",
            failure.seed,
            failure.broken.what,
            failure.broken.said.join("\n")
        );
    }
    println!(
        "{of}: {} seeds in {:?}, {:.0} a second, {} moments in a run",
        soaked.seeds,
        soaked.time,
        soaked.seeds as f64 / soaked.time.as_secs_f64(),
        soak.moments()
    );
}
