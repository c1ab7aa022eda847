//! A file over http or https, into the cache.
//!
//! Owns how it gets there: what was cut goes on from the bytes that are there, a server that changed
//! the file or sends something else is noticed, and only a file that is whole and right gets its name.
//! It never decides whether a file without a checksum is to be trusted.
//!
//! | what is met | what is done |
//! |---|---|
//! | a cut, a stall, status 408, 425, 429 or 5xx | another attempt for the rest, later each time |
//! | the file on the server has changed, or the server ignores ranges | from the beginning |
//! | another sum, of bytes from more than one answer | once more, from the beginning |
//! | another sum, of bytes from one answer | `….bad`, and a fault with both sums |
//! | status 404 or 410 | an answer: there is no such file |

mod answer;
mod faults;
mod part;
mod proxy;
mod request;

use std::{
    fs::File,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use krun_model::{
    Checksum, Fault,
    checksum::Algorithm,
    download::{Download, Downloaded, Look},
};

use self::{
    answer::{Answer, Meaning},
    part::Part,
    request::{Request, Said},
};
use crate::{
    commands::cancelled,
    lock, sniff,
    stop::{SOON, Stop},
};

pub use faults::size;

/// How often the progress is said.
const SAY: Duration = Duration::from_millis(500);
/// The longest wait between two attempts.
const LONGEST: Duration = Duration::from_secs(60);

/// Gets a file; none where the server has no such file.
///
/// # Errors
/// See [`krun_model::WriteHost::download`].
pub fn download(
    what: &Download,
    offline: bool,
    stop: &Stop,
    say: &dyn Fn(String),
) -> Result<Option<Downloaded>, Fault> {
    let _alone = lock::hold(&what.to, stop, || {
        say("another krun is downloading the same file".to_owned());
    })?;
    if let Some(checksum) = there(what)? {
        let size = std::fs::metadata(&what.to).map_or(0, |meta| meta.len());
        return Ok(Some(Downloaded {
            checksum,
            size,
            fetched: 0,
        }));
    }
    if offline {
        return Err(faults::offline(what));
    }
    Transfer {
        part: Part::open(&what.to, &what.url, what.checksum.is_some())?,
        what,
        stop,
        say,
        began: Instant::now(),
        said: None,
        fetched: 0,
        answers: 0,
    }
    .run()
}

/// The checksum of a file that is there already. One that is not what it should be is set aside.
fn there(what: &Download) -> Result<Option<Checksum>, Fault> {
    let file = match File::open(&what.to) {
        Ok(file) => file,
        Err(error) if crate::files::is_missing(&error) => return Ok(None),
        Err(error) => return Err(Fault::io("could not read a download", &what.to, &error)),
    };
    let checksum = Checksum::of_reader(algorithm(what), file)
        .map_err(|error| Fault::io("could not read a download", &what.to, &error))?;
    if what
        .checksum
        .as_ref()
        .is_none_or(|wanted| *wanted == checksum)
    {
        return Ok(Some(checksum));
    }
    let bad = format!("{}.bad", what.to);
    std::fs::rename(&what.to, &bad)
        .map_err(|error| Fault::io("could not set a download aside", &bad, &error))?;
    Ok(None)
}

fn algorithm(what: &Download) -> Algorithm {
    what.checksum
        .as_ref()
        .map_or(Algorithm::Sha512, Checksum::algorithm)
}

/// A download under way.
struct Transfer<'a> {
    what: &'a Download,
    part: Part,
    stop: &'a Stop,
    say: &'a dyn Fn(String),
    began: Instant,
    said: Option<Instant>,
    /// Bytes that came over the network.
    fetched: u64,
    /// How many answers the bytes that are there came from; those of an earlier krun count as one.
    answers: u32,
}

/// Why an attempt did not bring the file.
enum Trouble {
    /// Perhaps the next one will.
    Passing(String),
    /// None will.
    Lasting(Fault),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Lasting(fault)
    }
}

impl Transfer<'_> {
    fn run(mut self) -> Result<Option<Downloaded>, Fault> {
        self.answers = u32::from(self.part.len() > 0);
        loop {
            if !self.arrive()? {
                return Ok(None);
            }
            (self.say)("checking its sum".to_owned());
            let found = self.part.checksum(algorithm(self.what))?;
            match &self.what.checksum {
                Some(wanted) if *wanted != found && self.answers > 1 => {
                    (self.say)("its parts do not fit together; downloading it anew".to_owned());
                    self.restart()?;
                }
                Some(wanted) if *wanted != found => {
                    let beginning = self.part.beginning(sniff::ENOUGH)?;
                    let fault = faults::another_sum(self.what, wanted, &found, &beginning);
                    self.part
                        .put(format!("{}.bad", self.what.to).as_str().into())?;
                    return Err(fault);
                }
                _ => {
                    let size = self.part.len();
                    self.part.become_file(&self.what.to)?;
                    return Ok(Some(Downloaded {
                        checksum: found,
                        size,
                        fetched: self.fetched,
                    }));
                }
            }
        }
    }

    fn restart(&mut self) -> Result<(), Fault> {
        self.answers = 0;
        self.part.clear()
    }

    /// Attempts until all bytes are there; false where there is no such file.
    fn arrive(&mut self) -> Result<bool, Fault> {
        let patience = self.what.patience;
        let mut fruitless = 0;
        loop {
            let before = self.fetched;
            let why = match self.attempt() {
                Ok(found) => return Ok(found),
                Err(Trouble::Lasting(fault)) => return Err(fault),
                Err(Trouble::Passing(why)) => why,
            };
            fruitless = if self.fetched > before {
                0
            } else {
                fruitless + 1
            };
            if fruitless >= patience.tries {
                return Err(faults::gave_up(self.what, &self.part, fruitless, &why));
            }
            let wait = patience.backoff.saturating_mul(1 << fruitless.min(6)) / 2;
            let wait = wait.min(LONGEST);
            let have = size(self.part.len());
            (self.say)(format!(
                "{why}; going on from {have} in {:.1} s",
                wait.as_secs_f32()
            ));
            self.stop.sleep(wait);
            self.may_go_on()?;
        }
    }

    fn may_go_on(&self) -> Result<(), Fault> {
        if self.stop.asked() {
            return Err(cancelled("a download was broken off"));
        }
        if self.began.elapsed() > self.what.patience.limit {
            return Err(faults::too_long(self.what));
        }
        Ok(())
    }

    /// One request for what is missing.
    fn attempt(&mut self) -> Result<bool, Trouble> {
        let have = self.part.len();
        let if_range = self.part.validator().if_range().map(str::to_owned);
        if have > 0 && if_range.is_none() && self.what.checksum.is_none() {
            // Nothing would tell whether the rest is of the same file.
            self.restart()?;
        }
        let have = self.part.len();
        let said = request::send(Request {
            url: self.what.url.clone(),
            proxy: proxy::of(&self.what.url, |name| std::env::var(name).ok()),
            from: have,
            if_range,
            stall: self.what.patience.stall,
        });
        let answer = match self.next(&said)? {
            Said::Answer(answer) => answer,
            Said::Broken(why, true) => return Err(Trouble::Passing(why)),
            Said::Broken(why, false) => return Err(faults::lasting(self.what, &why).into()),
            Said::Piece(_) | Said::End => {
                return Err(Fault::internal("a body came before its answer").into());
            }
        };
        match answer.meaning(have, self.part.validator(), self.part.total()) {
            Meaning::Whole(total) => {
                self.restart()?;
                self.part.learn(answer.validator, total)?;
            }
            Meaning::Rest(total) => {
                let validator = merged(&answer, &self.part);
                self.part.learn(validator, total.or(self.part.total()))?;
            }
            Meaning::Nothing => return Ok(true),
            Meaning::Missing => return Ok(false),
            Meaning::Again(why) => {
                self.restart()?;
                return Err(Trouble::Passing(why.to_owned()));
            }
            Meaning::Later => {
                return Err(Trouble::Passing(format!(
                    "the server answered {} {}",
                    answer.status, answer.reason
                )));
            }
            Meaning::Refused => return Err(faults::refused(self.what, &answer).into()),
        }
        self.answers += 1;
        self.body(&said)?;
        Ok(true)
    }

    /// Takes the bytes that follow an answer.
    fn body(&mut self, said: &Receiver<Said>) -> Result<(), Trouble> {
        let total = self.part.total();
        if total.is_some_and(|total| total > self.what.limit) {
            return Err(faults::too_large(self.what).into());
        }
        loop {
            match self.next(said)? {
                Said::Piece(piece) => {
                    let told = self.part.len() >= sniff::ENOUGH as u64;
                    self.part.add(&piece)?;
                    self.fetched += piece.len() as u64;
                    if self.part.len() > self.what.limit {
                        self.restart()?;
                        return Err(faults::too_large(self.what).into());
                    }
                    if !told {
                        self.recognise(false)?;
                    }
                    self.tell();
                }
                Said::End => {
                    self.recognise(true)?;
                    return match total {
                        Some(total) if self.part.len() < total => Err(Trouble::Passing(format!(
                            "the connection ended at {} of {}",
                            size(self.part.len()),
                            size(total)
                        ))),
                        _ => Ok(()),
                    };
                }
                Said::Broken(why, true) => return Err(Trouble::Passing(why)),
                Said::Broken(why, false) => return Err(faults::lasting(self.what, &why).into()),
                Said::Answer(_) => return Err(Fault::internal("two answers to one request").into()),
            }
        }
    }

    /// Refuses what can't be the file that is wanted as soon as it shows.
    fn recognise(&mut self, at_end: bool) -> Result<(), Fault> {
        let enough = at_end || self.part.len() >= sniff::ENOUGH as u64;
        if self.what.look == Look::Any || !enough {
            return Ok(());
        }
        let beginning = self.part.beginning(sniff::ENOUGH)?;
        if beginning.starts_with(sniff::GZIP) {
            return Ok(());
        }
        self.restart()?;
        Err(faults::another_kind(self.what, &beginning))
    }

    fn tell(&mut self) {
        let now = Instant::now();
        if self.said.is_some_and(|said| now - said < SAY) {
            return;
        }
        self.said = Some(now);
        let have = size(self.part.len());
        let of = self
            .part
            .total()
            .map(|total| format!(" of {}", size(total)));
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let speed = self.fetched as f64 / 1e6 / seconds;
        (self.say)(format!("{have}{}, {speed:.1} MB/s", of.unwrap_or_default()));
    }

    /// What the request says next.
    fn next(&self, said: &Receiver<Said>) -> Result<Said, Fault> {
        loop {
            match said.recv_timeout(SOON) {
                Ok(said) => return Ok(said),
                Err(RecvTimeoutError::Timeout) => self.may_go_on()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Fault::internal("a request ended without a word"));
                }
            }
        }
    }
}

/// What is known of a file after one more answer: what one of them leaves out, the other may say.
fn merged(answer: &Answer, part: &Part) -> answer::Validator {
    let known = part.validator().clone();
    answer::Validator {
        etag: answer.validator.etag.clone().or(known.etag),
        modified: answer.validator.modified.clone().or(known.modified),
    }
}
