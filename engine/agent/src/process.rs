//! Processes that krun starts, recognises again and ends.
//!
//! A process is recognised by the marker in its environment, which the operating system keeps for
//! it, never by its pid. A zombie does not run. Children of a marked process inherit its marker and
//! are not it, as long as it runs; when it ended and they did not, they stand for it. One that krun
//! did not start may have been adopted for a marker: it is known by pid, start and boot.

pub mod detach;
pub mod proc;
mod scan;
mod spawn;
mod stop;

pub use scan::Scanner;
pub use spawn::start;
pub use stop::stop;
