//! The API's URL in the configuration.

use std::net::{IpAddr, Ipv6Addr};

use ureq::http::Uri;
use ureq::http::uri::Authority;

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
pub(super) fn host_and_port(authority: &Authority) -> Result<(String, Option<u16>), &'static str> {
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
    // musl does not find a name in capitals in /etc/hosts.
    Ok((host.to_ascii_lowercase(), port))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
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
                "localhost",
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
