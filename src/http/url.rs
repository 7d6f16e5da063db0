//! The URLs of the configuration and of the environment: the API's, and the proxy's.

use std::env;
use std::net::{IpAddr, Ipv6Addr};

use ureq::http::Uri;
use ureq::http::uri::Authority;
use ureq::{Proxy, ProxyProtocol};

use crate::error::Error;
use crate::sys;

/// The URL that the endpoints' paths are appended to, taken apart.
#[derive(Debug)]
pub struct BaseUrl {
    /// Whether it is `https://`, and not `http://`.
    pub is_https: bool,
    /// A name or an address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// All of it. Its path ends with a slash.
    url: Uri,
}

impl BaseUrl {
    /// Parses it, with or without a slash at its end.
    /// Fails with what is wrong with it. No error repeats the URL: a password may stand in it.
    pub fn parse(text: &str) -> Result<BaseUrl, &'static str> {
        if text.contains(['?', '#']) {
            return Err("has a query or a fragment");
        }
        let url: Uri = format!("{}/", text.trim_end_matches('/'))
            .parse()
            .map_err(|_| "not a URL")?;
        let authority = url.authority().ok_or("not a full URL")?;
        if authority.as_str().contains('@') {
            return Err("has a user name or a password");
        }
        let (host, port) = host_and_port(authority)?;
        let is_https = match url.scheme_str() {
            Some("https") => true,
            Some("http") if is_loopback(&host) => false,
            Some("http") => return Err("http:// is for loopback hosts only; use https://"),
            _ => return Err("neither https:// nor http://"),
        };
        let default_port = if is_https { 443 } else { 80 };
        Ok(BaseUrl {
            is_https,
            host,
            port: port.unwrap_or(default_port),
            url,
        })
    }

    /// Its path, without the slash at its end.
    pub fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// Host and port as they were given.
    pub fn authority(&self) -> &str {
        self.url.authority().map_or("", Authority::as_str)
    }
}

/// The host, without brackets, and the port, where there is one. The URL's parser lets more pass.
fn host_and_port(authority: &Authority) -> Result<(String, Option<u16>), &'static str> {
    let bracketed = authority.host();
    let host = bracketed.trim_matches(['[', ']']);
    if host.is_empty() {
        return Err("has no host");
    }
    if bracketed.starts_with('[') && host.parse::<Ipv6Addr>().is_err() {
        return Err("what stands in brackets is no IPv6 address");
    }
    let text = authority.as_str();
    let after_user = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    let port = match after_user.strip_prefix(bracketed) {
        Some("") => None,
        _ => match authority.port_u16() {
            None | Some(0) => return Err("the port is not a number from 1 to 65535"),
            port => port,
        },
    };
    Ok((host.to_owned(), port))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A proxy that tunnels by HTTP CONNECT. `source` is what it is called in the reason.
/// Fails with what is wrong with it. No error repeats the URL: a password may stand in it.
pub fn http_proxy(source: &str, url: &str) -> Result<Proxy, Error> {
    let proxy = Proxy::new(url).map_err(|_| Error::invalid(source, "not a proxy's URL"))?;
    if proxy.protocol() != ProxyProtocol::Http {
        return Err(Error::invalid(source, "only http:// proxies are supported"));
    }
    let authority = proxy.uri().authority();
    host_and_port(authority.ok_or_else(|| Error::invalid(source, "has no host"))?)
        .map_err(|mistake| Error::invalid(source, mistake))?;
    Ok(proxy)
}

/// The proxy that the environment names for `base`, by the rules that curl made common: small
/// letters first, an empty value for none, and `NO_PROXY` a list of hosts and domains.
/// Fails as [`http_proxy`] does, with the variable's name.
pub fn environment_proxy(base: &BaseUrl) -> Result<Option<Proxy>, Error> {
    let proxy = first_env_var(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?;
    let Some((name, value)) = proxy.filter(|(_, value)| !value.is_empty()) else {
        return Ok(None);
    };
    let (_, exceptions) = first_env_var(&["no_proxy", "NO_PROXY"])?.unwrap_or_default();
    // ureq knows such a list only together with a proxy; which one does not matter here.
    let mut matcher = Proxy::builder(ProxyProtocol::Http);
    for exception in exceptions.split(',').map(str::trim) {
        // A name stands for itself and for its subdomains.
        let domain = exception.trim_start_matches('.');
        if !domain.is_empty() {
            matcher = matcher.no_proxy(domain).no_proxy(&format!(".{domain}"));
        }
    }
    if matcher
        .build()
        .is_ok_and(|matcher| matcher.is_no_proxy(&base.url))
    {
        return Ok(None);
    }
    http_proxy(name, &value).map(Some)
}

/// The first of these environment variables that is set. Where the environment is not to be trusted, none
/// is.
fn first_env_var(names: &[&'static str]) -> Result<Option<(&'static str, String)>, Error> {
    if sys::is_secure_execution() {
        return Ok(None);
    }
    let set = names
        .iter()
        .find_map(|name| env::var_os(name).map(|value| (*name, value)));
    set.map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(Error::invalid(name, "not UTF-8")),
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(bool, String, u16, String), &'static str> {
        BaseUrl::parse(text).map(|base| {
            let url = format!("{}sendSip", base.url);
            let end = format!("//{}{}/sendSip", base.authority(), base.path());
            assert!(url.ends_with(&end), "{url}");
            (base.is_https, base.host, base.port, url)
        })
    }

    #[test]
    fn usable_base_urls_are_taken_apart() {
        for (text, is_https, host, port, url) in [
            (
                "https://api.itniotech.com/voice",
                true,
                "api.itniotech.com",
                443,
                "https://api.itniotech.com/voice/sendSip",
            ),
            ("https://h:8443/", true, "h", 8443, "https://h:8443/sendSip"),
            (
                "http://127.0.0.1:80/a/b/",
                false,
                "127.0.0.1",
                80,
                "http://127.0.0.1:80/a/b/sendSip",
            ),
            ("http://[::1]", false, "::1", 80, "http://[::1]/sendSip"),
            (
                "http://LOCALHOST",
                false,
                "LOCALHOST",
                80,
                "http://LOCALHOST/sendSip",
            ),
        ] {
            assert_eq!(
                parse(text),
                Ok((is_https, host.to_owned(), port, url.to_owned()))
            );
        }
    }

    #[test]
    fn unusable_proxies_are_refused_without_repeating_their_password() {
        for url in [
            "",
            "http://",
            "http://u:hunter2@",
            "http://u:hunter2@h:port",
            "http://u:hunter2@h:65536",
            "http://u:hunter2@h:0",
            "http://[h]:1",
            "https://u:hunter2@h",
            "socks5://u:hunter2@h",
            "h h",
        ] {
            let error = http_proxy("proxy", url).expect_err(url);
            assert!(error.reason.starts_with("proxy: "), "{url}: {error:?}");
            assert!(!error.reason.contains("hunter2"), "{url}: {error:?}");
        }
        for url in ["h", "h:3128", "http://u:p@[::1]:3128/", "http://127.0.0.1"] {
            http_proxy("proxy", url).expect(url);
        }
    }

    #[test]
    fn unusable_base_urls_are_refused() {
        for text in [
            "",
            "/voice",
            "api.itniotech.com",
            "ftp://127.0.0.1",
            "http://api.itniotech.com",
            "http://localhost.example.com",
            "https://",
            "https://:443",
            "https://u:p@h",
            "https://h?x=1",
            "https://h#x",
            "https://h:99999",
            "https://h:",
            "https://h:0",
            "https://h:x",
            "https://[h]",
            "https://[::1",
            "https://h h",
            "https://h
",
            "https://ä.example",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
