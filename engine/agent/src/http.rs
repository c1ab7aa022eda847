//! Requests that read: a GET through no proxy.
//!
//! Owns where a name may lead. A name is resolved once: what is connected to are the very addresses that
//! were looked at, so that no second answer of a name server can lead elsewhere. What is wanted of a page,
//! and who may ask which server, others know.

use std::net::{IpAddr, SocketAddr};

use krun_model::{Fault, HttpAnswer, HttpQuestion};
use ureq::{
    Agent,
    config::Config,
    http::Uri,
    tls::{RootCerts, TlsConfig},
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

/// Asks, on this thread.
///
/// # Errors
/// See [`krun_model::ReadHost::http_get`].
pub fn get(question: &HttpQuestion) -> Result<HttpAnswer, Fault> {
    by(question, DefaultResolver::default())
}

/// Asks the server that a resolver finds.
fn by(question: &HttpQuestion, resolver: impl Resolver) -> Result<HttpAnswer, Fault> {
    ask(question, resolver).map_err(|error| match error {
        ureq::Error::Timeout(_) => question.too_late(error),
        _ => question.unanswered(error),
    })
}

fn ask(question: &HttpQuestion, resolver: impl Resolver) -> Result<HttpAnswer, ureq::Error> {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let config = Agent::config_builder()
        .timeout_global(Some(question.limit))
        .http_status_as_error(false)
        .max_redirects(question.redirects)
        .proxy(None)
        .tls_config(tls)
        .user_agent(concat!("krun/", env!("CARGO_PKG_VERSION")))
        .build();
    let careful = Careful {
        found_by: resolver,
        may_be_near: question.may_be_near,
    };
    let agent = Agent::with_parts(config, DefaultConnector::default(), careful);
    let mut request = agent.get(&question.url);
    for (name, value) in &question.headers {
        request = request.header(name, value);
    }
    let mut answer = request.call()?;
    let headers = answer
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    Ok(HttpAnswer {
        status: answer.status().as_u16(),
        headers,
        body: answer
            .body_mut()
            .with_config()
            .limit(question.largest)
            .read_to_vec()?,
    })
}

/// Resolves names, but unless they may be near, not to addresses that only who names the address can mean.
#[derive(Debug)]
struct Careful<R> {
    found_by: R,
    may_be_near: bool,
}

impl<R: Resolver> Resolver for Careful<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.found_by.resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default();
        let mut all = found.iter();
        match all.find(|address| !self.may_be_near && !means(host, address)) {
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
    use std::time::Duration;

    use krun_model::FaultCode;
    use krun_tests::web::{Reply, Web};

    use super::*;

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

    /// A name server that says of every name that it is one address, each time another.
    #[derive(Debug)]
    struct Names {
        addresses: Vec<SocketAddr>,
        asked: std::sync::atomic::AtomicUsize,
    }

    impl Names {
        fn of(addresses: &[SocketAddr]) -> Self {
            Self {
                addresses: addresses.to_vec(),
                asked: 0.into(),
            }
        }
    }

    impl Resolver for &'static Names {
        fn resolve(
            &self,
            _: &Uri,
            _: &Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let nth = self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut found = self.empty();
            found.push(self.addresses[nth]);
            Ok(found)
        }
    }

    fn names(addresses: &[SocketAddr]) -> &'static Names {
        Box::leak(Box::new(Names::of(addresses)))
    }

    fn question(url: &str, may_be_near: bool) -> HttpQuestion {
        HttpQuestion {
            url: url.to_owned(),
            headers: vec![],
            limit: Duration::from_secs(20),
            largest: 100,
            redirects: 1,
            may_be_near,
        }
    }

    #[test]
    fn a_server_on_this_machine_is_not_reached_by_another_name() {
        let web = Web::new(|_| Reply::text("200 OK", "secret"));
        let near: SocketAddr = web.url("").trim_start_matches("http://").parse().unwrap();
        let url = format!("http://health.example:{}/", near.port());
        let fault = by(&question(&url, false), names(&[near])).unwrap_err();
        assert_eq!(fault.code, FaultCode::Download);
        let why = fault.why.unwrap();
        assert!(
            why.contains("health.example leads to 127.0.0.1, which is this machine"),
            "{why}"
        );
        assert!(web.requests().is_empty());
        let known = names(&[near]);
        let answer = by(&question(&url, true), known).unwrap();
        assert_eq!(answer.body, b"secret");
        // A second look would have found nothing, and panicked.
        assert_eq!(known.asked.load(std::sync::atomic::Ordering::SeqCst), 1);
    }

    /// Where a server leads on to is looked at like what was asked for.
    #[test]
    fn a_redirect_does_not_lead_home_either() {
        let secret = Web::new(|_| Reply::text("200 OK", "secret"));
        let near: SocketAddr = secret
            .url("")
            .trim_start_matches("http://")
            .parse()
            .unwrap();
        let on = format!("http://inside.example:{}/", near.port());
        let web = Web::new(move |_| Reply::text("302 Found", "").header("Location", &on));
        let fault = by(
            &question(&web.url("/"), false),
            names(&[
                web.url("").trim_start_matches("http://").parse().unwrap(),
                near,
            ]),
        );
        let why = fault.unwrap_err().why.unwrap();
        assert!(why.contains("inside.example leads to 127.0.0.1"), "{why}");
        assert!(secret.requests().is_empty());
    }
}
