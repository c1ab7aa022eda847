//! What an earlier sweep has tried already, read from what it printed with `--json`.
//!
//! Owns how a trial of one sweep is found again in another. A moment in the middle of an effect is the
//! same one though the effect took another time.

use std::collections::BTreeSet;

use krun_model::{Fault, FaultCode};
use krun_sweep::Trial;
use serde::Deserialize;

use crate::context::absolute;

/// The trials of an earlier sweep that ended well.
#[derive(Debug, Default)]
pub struct Survived(BTreeSet<Key>);

/// Moment, place and what followed.
type Key = (String, String, String);

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    Trial {
        point: String,
        killed: String,
        then: String,
        ok: bool,
        /// In older output there is none of it, and none that was not reached was ok.
        #[serde(default = "yes")]
        reached: bool,
    },
    SweepFinished,
    /// What ended it before its time, such as Ctrl-C.
    Error,
}

impl Survived {
    /// Reads a sweep's output. Its last line may be cut off, as a sweep is that was itself ended.
    ///
    /// # Errors
    /// A file that can't be read, or that is no such output.
    pub fn read(path: &str) -> Result<Self, Fault> {
        let path = absolute(path)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Fault::io("could not read what a sweep said", &path, &error))?;
        let mut survived = BTreeSet::new();
        for (at, line) in text.split_inclusive('\n').enumerate() {
            match serde_json::from_str(line) {
                Ok(Line::Trial {
                    point,
                    killed,
                    then,
                    ok: true,
                    reached: true,
                }) => {
                    survived.insert((killed, place(&point).to_owned(), then));
                }
                Ok(_) => {}
                Err(_) if !line.ends_with('\n') => {}
                Err(error) => {
                    return Err(Fault::new(FaultCode::Usage, "this is not what a sweep says")
                        .at(format!("{path}:{}", at + 1))
                        .because(error)
                        .hint("`--continue` takes what `krun test … --crash-at-every-record --json` printed."));
                }
            }
        }
        Ok(Self(survived))
    }

    /// Whether a trial is among them.
    pub fn has(&self, trial: &Trial) -> bool {
        let point = trial.point.kill.to_string();
        let key = (
            trial.moment().to_owned(),
            place(&point).to_owned(),
            trial.what.words().to_owned(),
        );
        self.0.contains(&key)
    }
}

fn yes() -> bool {
    true
}

/// A kill point without its moment, which may hold a time.
fn place(point: &str) -> &str {
    point.split_once(':').map_or(point, |(_, place)| place)
}
