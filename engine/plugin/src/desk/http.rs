//! Requests that read: a GET to a granted server, through no proxy, following no redirect.
//!
//! A grant by name means that name's server, not whatever else its name is made to lead to: a name that
//! resolves to this machine itself or to a link-local address (where clouds keep credentials) is refused
//! unless that address, or `localhost`, is what was granted.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use krun_model::{Fault, FaultCode};
use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

use super::Desk;
use crate::{Grant, bindings::krun::plugin::http, grant::Server};

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
        let limit = Duration::from_millis(limit.into()).min(self.limits.question);
        let asked = url.clone();
        let request = tokio::task::spawn_blocking(move || request(&url, &headers, limit));
        let answer = self
            .in_time("a request", &asked, async {
                request
                    .await
                    .map_err(|error| Fault::internal("a request was broken off").because(error))
            })
            .await?;
        answer.map_err(|error| {
            let code = match error {
                ureq::Error::Timeout(_) => FaultCode::Timeout,
                _ => FaultCode::Download,
            };
            Fault::new(code, "there was no answer")
                .at(asked)
                .because(error)
        })
    }
}

fn request(
    url: &str,
    headers: &[(String, String)],
    limit: Duration,
) -> Result<http::Response, ureq::Error> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(limit))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .build();
    let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), Careful::default());
    let mut request = agent.get(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut answer = request.call()?;
    let headers = answer
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    Ok(http::Response {
        status: answer.status().as_u16(),
        headers,
        body: answer
            .body_mut()
            .with_config()
            .limit(MAX_BODY)
            .read_to_vec()?,
    })
}

/// The server that a URL names.
fn server_of(url: &str) -> Result<Server, Fault> {
    let bad = |why: &str| {
        Fault::new(FaultCode::Script, "this can't be asked for")
            .at(super::clean(url))
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

/// Resolves names, but not to addresses that only a grant of that address can mean.
#[derive(Debug, Default)]
struct Careful(DefaultResolver);

impl Resolver for Careful {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default();
        match found.iter().find(|address| !means(host, address)) {
            None => Ok(found),
            Some(address) => Err(ureq::Error::Io(std::io::Error::other(format!(
                "{host} leads to {}, which is this machine or its link; grant that address if it is meant",
                address.ip()
            )))),
        }
    }
}

/// Whether whoever names a host can mean an address.
fn means(host: &str, address: &SocketAddr) -> bool {
    let named: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let is_near = match address.ip().to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified(),
    };
    !is_near || named.is_some() || host.eq_ignore_ascii_case("localhost")
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

    #[test]
    fn names_that_lead_home() {
        for (host, address, yes) in [
            ("health.example", "93.184.216.34:80", true),
            ("health.example", "10.0.0.7:80", true),
            ("health.example", "127.0.0.1:80", false),
            ("health.example", "169.254.169.254:80", false),
            ("health.example", "[::ffff:127.0.0.1]:80", false),
            ("health.example", "[fe80::1]:80", false),
            ("localhost", "127.0.0.1:80", true),
            ("127.0.0.1", "127.0.0.1:80", true),
            ("[::1]", "[::1]:80", true),
        ] {
            assert_eq!(
                means(host, &address.parse().unwrap()),
                yes,
                "{host} {address}"
            );
        }
    }
}
