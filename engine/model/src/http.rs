//! Requests that read: what is asked of a web server by GET, and what it answers.
//!
//! Data only. A request belongs to the machine that sends it ([`ReadHost::http_get`](crate::ReadHost)), so
//! that a page is seen from there, whoever asks: a step kind of krun's own or a plugin. Nothing here changes
//! anything on a server; what a server makes of a GET is its own affair.

use std::{fmt::Display, time::Duration};

use crate::{Fault, FaultCode};

/// A GET that goes through no proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpQuestion {
    /// What is asked for, beginning with `http://` or `https://`.
    pub url: String,
    /// Headers beside those that every request has.
    pub headers: Vec<(String, String)>,
    /// How long the whole may take, to the last byte of the answer.
    pub limit: Duration,
    /// The most bytes that the answer's body may have.
    pub largest: u64,
    /// How often the server may lead on to another URL. With 0 its own answer, which says where to, is the
    /// answer.
    pub redirects: u32,
    /// Whether a name may lead to this machine itself or to its link, where clouds keep credentials. Who
    /// names such an address, or `localhost`, means it in any case.
    pub may_be_near: bool,
}

/// What a server answers, whatever its status says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status, such as 200.
    pub status: u16,
    /// Names and values of the headers that are text.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpQuestion {
    /// That there is no whole answer, and why.
    pub fn unanswered(&self, why: impl Display) -> Fault {
        self.without_answer(FaultCode::Download, why)
    }

    /// That there was none in time.
    pub fn too_late(&self, why: impl Display) -> Fault {
        self.without_answer(FaultCode::Timeout, why)
    }

    fn without_answer(&self, code: FaultCode, why: impl Display) -> Fault {
        Fault::new(code, "there was no answer")
            .at(&self.url)
            .because(why)
    }

    /// Why there was no answer, if that is what a fault of this question says: another attempt may get one.
    pub fn why_unanswered(fault: &Fault) -> Option<&str> {
        match fault.code {
            FaultCode::Download | FaultCode::Timeout => fault.why.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_there_is_no_answer() {
        let question = HttpQuestion {
            url: "http://a/".into(),
            headers: vec![],
            limit: Duration::from_secs(1),
            largest: 1,
            redirects: 0,
            may_be_near: false,
        };
        for (fault, why) in [
            (question.unanswered("refused"), Some("refused")),
            (question.too_late("late"), Some("late")),
            (Fault::new(FaultCode::Cancelled, "x").because("y"), None),
        ] {
            assert_eq!(HttpQuestion::why_unanswered(&fault), why, "{fault:?}");
        }
        let place = question.unanswered("refused").place;
        assert_eq!(place.as_deref(), Some("http://a/"));
    }
}
