//! Word of what takes long: said once, and only if it does.
//!
//! Owns the wait. It never prints: whoever made the runtime says what becomes of the word.

use std::{
    fmt,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use camino::Utf8Path;

/// What does not take longer is not worth a word.
const UNNOTICED: Duration = Duration::from_millis(500);

/// Who is told that a component is being compiled, which takes long.
#[derive(Clone)]
pub(crate) struct Told(pub Arc<dyn Fn(&Utf8Path) + Send + Sync>);

/// Something that may take long; it is over when this is dropped.
pub(crate) struct Patience {
    done: Option<mpsc::Sender<()>>,
    waiting: Option<thread::JoinHandle<()>>,
}

impl Told {
    /// Tells of a file if the work on it is not over soon. Where no thread can be had nothing is told.
    pub(crate) fn unless_soon(&self, file: &Utf8Path) -> Patience {
        let (done, over) = mpsc::channel();
        let (told, file) = (self.clone(), file.to_owned());
        let waiting = thread::Builder::new()
            .name("krun-plugin-patience".into())
            .spawn(move || {
                if over.recv_timeout(UNNOTICED) == Err(mpsc::RecvTimeoutError::Timeout) {
                    (told.0)(&file);
                }
            });
        Patience {
            done: Some(done),
            waiting: waiting.ok(),
        }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.join();
        }
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}
