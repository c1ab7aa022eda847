//! Web pages that a simulated machine reaches, and the servers that they are on.
//!
//! Owns what a GET is answered with: what was named beforehand, or nothing, in the words of a real machine. A
//! server that is away for a while refuses connections, answers that it is unavailable, or says nothing. Names
//! are not resolved, nobody writes to a page, and none leads on to another.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use http::{StatusCode, Uri};
use krun_model::{Fault, HttpAnswer, HttpQuestion};

use crate::{fate::Class, world::World};

/// How long a server is away, in simulated milliseconds: half of the times so that who asks again sees it come
/// back, half so that he may have given up before.
const SHORT_MS: (u64, u64) = (200, 4_000);
const LONG_MS: (u64, u64) = (4_000, 90_000);

/// The moment at which a page is asked for.
pub(crate) const ASKING: Class = ("within", "ask");

/// What a real machine says where nothing listens.
const REFUSED: &str = "io: Connection refused (os error 111)";
/// What it says of a server that does not answer in time.
const TOO_LATE: &str = "timeout: global";

/// A page, and what it answers: `URL=STATUS`, or `URL=STATUS:TEXT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    at: Url,
    /// The URL as it was given.
    url: String,
    status: StatusCode,
    text: String,
}

/// A URL by what it means: who leaves out the port or the path means the usual ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Url {
    scheme: String,
    server: String,
    path: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text
            .parse()
            .map_err(|error| format!("`{text}` is no URL: {error}"))?;
        let port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => {
                return Err(format!("`{text}` begins with neither http:// nor https://"));
            }
        };
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            scheme: uri.scheme_str().unwrap_or_default().to_owned(),
            server: format!("{host}:{}", uri.port_u16().unwrap_or(port)),
            path: path.to_owned(),
        })
    }
}

impl FromStr for Page {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // There may be a `=` in a URL, but none that a status and a colon follow.
        let mut parts = text.match_indices('=').filter_map(|(at, _)| {
            let (status, rest) = text[at + 1..].split_at_checked(3)?;
            let body = match rest {
                "" => "",
                rest => rest.strip_prefix(':')?,
            };
            Some((&text[..at], status.parse::<StatusCode>().ok()?, body))
        });
        let (url, status, body) = parts
            .next()
            .ok_or("a page is given as URL=STATUS or URL=STATUS:TEXT")?;
        if status.is_informational() || status.is_redirection() {
            return Err(format!("no page can be simulated that answers {status}"));
        }
        Ok(Self {
            at: url.parse()?,
            url: url.to_owned(),
            status,
            text: body.to_owned(),
        })
    }
}

impl fmt::Display for Page {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.url, self.status.as_u16())?;
        match self.text.as_str() {
            "" => Ok(()),
            text => write!(f, ":{text}"),
        }
    }
}

/// All pages, and what became of their servers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pages {
    named: BTreeMap<Url, Page>,
    /// Servers that are away, until when.
    away: BTreeMap<String, (Away, u64)>,
    /// What was asked for and nobody named.
    missed: BTreeSet<String>,
}

/// What a server that is away does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Away {
    Refuses,
    Unavailable,
    SaysNothing,
}

/// What comes of a question.
#[derive(Debug, PartialEq)]
pub(crate) enum Reply {
    Comes(HttpAnswer),
    /// At once: why there is none.
    Fails(Fault),
    /// When its time is up.
    NeverComes(Fault),
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comes(answer) => write!(f, "status {}", answer.status),
            Self::Fails(fault) | Self::NeverComes(fault) => {
                f.write_str(fault.why.as_deref().unwrap_or_default())
            }
        }
    }
}

impl World {
    /// There is a page.
    pub fn put_page(&mut self, page: Page) {
        self.pages.named.insert(page.at.clone(), page);
    }

    /// What was asked for and is not there.
    pub(crate) fn missed_pages(&self) -> impl Iterator<Item = &str> {
        self.pages.missed.iter().map(String::as_str)
    }

    /// What a question is answered with now.
    pub(crate) fn reply(&mut self, question: &HttpQuestion) -> Reply {
        let url: Url = match question.url.parse() {
            Ok(url) => url,
            Err(why) => return Reply::Fails(question.unanswered(why)),
        };
        let Some(page) = self.pages.named.get(&url) else {
            self.pages.missed.insert(question.url.clone());
            return Reply::Fails(question.unanswered(REFUSED));
        };
        let away = self.pages.away.get(&url.server);
        let (status, text) = match away.filter(|(_, until)| *until > self.now()) {
            None => (page.status, page.text.as_str()),
            Some((Away::Unavailable, _)) => (StatusCode::SERVICE_UNAVAILABLE, ""),
            Some((Away::Refuses, _)) => return Reply::Fails(question.unanswered(REFUSED)),
            Some((Away::SaysNothing, _)) => return Reply::NeverComes(question.too_late(TOO_LATE)),
        };
        if text.len() as u64 > question.largest {
            let limit = question.largest;
            let why = format!("the response body is larger than request limit: {limit}");
            return Reply::Fails(question.unanswered(why));
        }
        Reply::Comes(HttpAnswer {
            status: status.as_u16(),
            headers: vec![("content-length".into(), text.len().to_string())],
            body: text.into(),
        })
    }

    /// A server goes away for a while; the number says which. What it does then.
    pub(crate) fn a_server_goes(&mut self, number: usize) -> Option<String> {
        let servers: BTreeSet<_> = self.pages.named.keys().map(|url| &url.server).collect();
        let at = number.checked_rem(servers.len())?;
        let server = servers.into_iter().nth(at)?.clone();
        let (how, words) = match self.draw((0, 3)) {
            0 => (Away::Refuses, "refuses connections"),
            1 => (Away::Unavailable, "is unavailable"),
            _ => (Away::SaysNothing, "says nothing"),
        };
        let is_short = self.draw((0, 2)) == 0;
        let time = self.draw(if is_short { SHORT_MS } else { LONG_MS });
        let until = self.now() + time;
        let said = format!("{server} {words} for {:.1} s", time as f64 / 1_000.0);
        self.pages.away.insert(server, (how, until));
        Some(said)
    }

    /// Whoever sees to the servers brings back those that are away; whether any was.
    pub(crate) fn servers_come_back(&mut self) -> bool {
        let away = std::mem::take(&mut self.pages.away);
        away.into_values().any(|(_, until)| until > self.now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn asked(url: &str) -> HttpQuestion {
        HttpQuestion {
            url: url.to_owned(),
            headers: vec![],
            limit: Duration::from_secs(5),
            largest: 100,
            redirects: 0,
            may_be_near: false,
        }
    }

    fn world(pages: &[&str]) -> World {
        let mut world = World::new();
        for page in pages {
            world.put_page(page.parse().unwrap_or_else(|why| panic!("{why}")));
        }
        world
    }

    fn comes(world: &mut World, url: &str) -> (u16, String) {
        match world.reply(&asked(url)) {
            Reply::Comes(answer) => {
                let text = String::from_utf8(answer.body).expect("UTF-8");
                (answer.status, text)
            }
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn pages_as_they_are_given() {
        for (text, url, status, body) in [
            ("http://a/=200", "http://a/", 200, ""),
            ("http://A:80=503:", "http://a/", 503, ""),
            (
                "https://a/x?y=1=404:a=200:b\n",
                "https://a:443/x?y=1",
                404,
                "a=200:b\n",
            ),
            (
                "http://a/?n=200&m=2=200:é: \"=",
                "http://a/?n=200&m=2",
                200,
                "é: \"=",
            ),
        ] {
            let page: Page = text.parse().unwrap_or_else(|why| panic!("{why}"));
            assert_eq!(
                page.to_string().trim_end_matches(':'),
                text.trim_end_matches(':')
            );
            let mut world = World::new();
            world.put_page(page);
            assert_eq!(comes(&mut world, url), (status, body.to_owned()), "{text}");
        }
        for (text, why) in [
            ("http://a/", "a page is given as URL=STATUS"),
            ("http://a/=2000", "a page is given as"),
            ("http://a/=20", "a page is given as"),
            ("http://a/=200 OK", "a page is given as"),
            ("http://a/=999x", "a page is given as"),
            ("http://a/=302", "answers 302 Found"),
            ("a=200", "neither http:// nor https://"),
            ("http://a b=200", "no URL"),
        ] {
            let said = text.parse::<Page>().expect_err(text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn what_nobody_named() {
        let mut world = world(&["http://a/=200:one"]);
        for url in [
            "http://a/x",
            "https://a/",
            "http://a:81/",
            "http://b/",
            "ftp://a/",
            "",
        ] {
            assert!(matches!(world.reply(&asked(url)), Reply::Fails(_)), "{url}");
        }
        let missed: Vec<_> = world.missed_pages().collect();
        assert_eq!(
            missed,
            ["http://a/x", "http://a:81/", "http://b/", "https://a/"]
        );
    }

    #[test]
    fn larger_than_is_wanted() {
        let mut world = world(&[&format!("http://a/=200:{}", "x".repeat(101))]);
        let Reply::Fails(fault) = world.reply(&asked("http://a/")) else {
            panic!("it is too large");
        };
        let why = fault.why.expect("a reason");
        assert_eq!(why, "the response body is larger than request limit: 100");
    }

    #[test]
    fn a_server_is_away_with_all_its_pages_and_comes_back() {
        let mut seen = BTreeSet::new();
        for seed in 0..50 {
            let mut world = world(&["http://a/=200:one", "http://a/2=200:two", "http://b/=200:b"])
                .with_chance(seed);
            let said = world.a_server_goes(0).expect("a server");
            assert!(said.starts_with("a:80 "), "{said}");
            let first = format!("{:?}", world.reply(&asked("http://a/")));
            let second = format!("{:?}", world.reply(&asked("http://a/2")));
            assert_eq!(first, second.replace("http://a/2", "http://a/"));
            assert_eq!(comes(&mut world, "http://b/").0, 200);
            seen.insert(first);
            let mut later = world.clone();
            later.pass(LONG_MS.1);
            assert_eq!(comes(&mut later, "http://a/2").1, "two");
            assert!(world.servers_come_back() && !world.servers_come_back());
            assert_eq!(comes(&mut world, "http://a/").1, "one");
        }
        assert_eq!(seen.len(), 3, "refused, unavailable and silent: {seen:?}");
        assert_eq!(World::new().a_server_goes(7), None);
    }
}
