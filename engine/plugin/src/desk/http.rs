//! Requests that read: a GET to a granted server, through no proxy, following no redirect.
//!
//! A grant by name means that name's server, not whatever else its name is made to lead to: a name that
//! resolves to this machine itself or to a link-local address (where clouds keep credentials) is refused
//! by the machine that asks, unless that address, or `localhost`, is what was granted.

use std::time::Duration;

use ::http::Uri;
use krun_model::{Fault, FaultCode, HttpQuestion};

use super::Desk;
use crate::{Grant, bindings::krun::plugin::http, faults::clean, grant::Server};

/// The largest body that is read, in bytes.
const MAX_BODY: u64 = 4 << 20;

impl Desk<'_> {
    pub(crate) async fn get(
        &self,
        url: String,
        headers: Vec<(String, String)>,
        limit: u32,
    ) -> Result<http::Response, Fault> {
        self.permit(&Grant::Http(server_of(&url)?))?;
        let question = HttpQuestion {
            url,
            headers,
            limit: Duration::from_millis(limit.into()).min(self.limits.question),
            largest: MAX_BODY,
            redirects: 0,
            may_be_near: false,
        };
        let asked = self.look.http_get(&question);
        let answer = self.in_time("a request", &question.url, asked).await?;
        Ok(http::Response {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
        })
    }
}

/// The server that a URL names, as whoever sends the request reads it.
fn server_of(url: &str) -> Result<Server, Fault> {
    let bad = |why: &str| {
        Fault::new(FaultCode::Script, "this can't be asked for")
            .at(clean(url))
            .because(why)
    };
    let uri: Uri = url.parse().map_err(|_| bad("it is no URL"))?;
    let port = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return Err(bad("it begins with neither http:// nor https://")),
    };
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err(bad("it has a user's name in it"));
    }
    match uri.host() {
        Some(host) => Ok(Server::new(host, uri.port_u16().unwrap_or(port))),
        None => Err(bad("it names no host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_urls() {
        for (url, server) in [
            ("http://Health.example/x?y", "health.example:80"),
            ("https://health.example:8443", "health.example:8443"),
            ("http://[::1]:80/", "[::1]:80"),
        ] {
            assert_eq!(server_of(url).unwrap().to_string(), server);
        }
        for url in [
            "ftp://a/",
            "http://granted@denied/",
            "/etc/passwd",
            "http:///x",
            "",
        ] {
            assert!(server_of(url).is_err(), "{url}");
        }
    }
}
