//! Which proxy a request goes through, as curl and most tools read the environment.
//!
//! `http_proxy`, `https_proxy` and `all_proxy` name one for a scheme, in lower or upper case;
//! `no_proxy` lists the hosts that are reached without: `*`, or names of which each stands for itself
//! and what is below it.

/// The proxy for a URL, if it goes through one. `env` gives variables.
pub fn of(url: &str, env: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &str| {
        [name.to_owned(), name.to_ascii_uppercase()]
            .iter()
            .find_map(|name| env(name).filter(|value| !value.trim().is_empty()))
    };
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.to_ascii_lowercase();
    if set("no_proxy").is_some_and(|list| is_listed(&list, &host)) {
        return None;
    }
    let own = match scheme.to_ascii_lowercase().as_str() {
        "http" => "http_proxy",
        "https" => "https_proxy",
        _ => return None,
    };
    set(own).or_else(|| set("all_proxy"))
}

/// Whether a host (with its port, if it has one) is on a list of names.
fn is_listed(list: &str, host_and_port: &str) -> bool {
    let host = match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => host_and_port,
    };
    let below = |name: &str| {
        let name = name.trim_start_matches(['*', '.']);
        [host, host_and_port].iter().any(|host| {
            let rest = host.strip_suffix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    };
    list.to_ascii_lowercase()
        .split([',', ' '])
        .filter(|name| !name.is_empty())
        .any(|name| name == "*" || below(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen() {
        let env = |name: &str| {
            let value = match name {
                "http_proxy" => "http://one:3128",
                "HTTPS_PROXY" => "http://two:3128",
                "no_proxy" => "localhost, .corp.example,10.0.0.1:8080",
                _ => return None,
            };
            Some(value.to_owned())
        };
        for (url, proxy) in [
            ("http://mirror.example/a", Some("http://one:3128")),
            ("HTTPS://mirror.example/a", Some("http://two:3128")),
            ("http://localhost:8000/a", None),
            ("http://corp.example/a", None),
            ("https://user:pw@files.CORP.example:8443/a", None),
            ("http://notcorp.example/a", Some("http://one:3128")),
            ("http://10.0.0.1:8080/a", None),
            ("http://10.0.0.1:8081/a", Some("http://one:3128")),
            ("ftp://mirror.example/a", None),
        ] {
            assert_eq!(of(url, env).as_deref(), proxy, "{url}");
        }
    }

    #[test]
    fn none_and_all() {
        assert_eq!(of("http://a/", |_| None), None);
        assert_eq!(of("http://a/", |_| Some(String::new())), None);
        let all = |name: &str| (name == "all_proxy").then(|| "http://p:1".to_owned());
        assert_eq!(of("https://a/", all).as_deref(), Some("http://p:1"));
        let star = |name: &str| match name {
            "all_proxy" => Some("http://p:1".to_owned()),
            "NO_PROXY" => Some("*".to_owned()),
            _ => None,
        };
        assert_eq!(of("https://a/", star), None);
    }
}
