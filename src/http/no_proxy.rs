//! The hosts that the environment's proxy is not for: `NO_PROXY`, as curl 8 reads it.
//!
//! Some entries say nothing to curl and something to other programs. They count as well, since an exception
//! that is passed over sends requests another way than their author wants: `*` among others, `*.domain`, an
//! address in brackets, a port, and line ends in place of commas.

use std::net::IpAddr;

/// Whether one of the entries of `list` names this host, a name or an address without brackets.
pub fn names(list: &str, host: &str, port: u16) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let address = host.parse::<IpAddr>().ok();
    for piece in list.split([',', '\n', '\r']) {
        let piece = piece.trim_matches(BLANKS);
        let entry = piece.split(BLANKS).next().unwrap_or_default();
        let is_named = match address {
            _ if entry == "*" => true,
            Some(address) => names_address(entry, address, port),
            None => names_host(entry, host, port),
        };
        if is_named {
            return true;
        }
        if entry.len() < piece.len() {
            // curl stops at what follows an entry without a comma.
            return false;
        }
    }
    false
}

const BLANKS: [char; 2] = [' ', '\t'];

fn names_host(entry: &str, host: &str, port: u16) -> bool {
    let Some(entry) = without_port(entry, port) else {
        return false;
    };
    let entry = entry.strip_suffix('.').unwrap_or(entry);
    // "*.domain" is for the names below the domain, "domain" and ".domain" for it, too.
    let (domain, names_itself) = match entry.strip_prefix("*.") {
        Some(domain) => (domain, false),
        None => (entry.strip_prefix('.').unwrap_or(entry), true),
    };
    if domain.is_empty() {
        return false;
    }
    let Some(start) = host.len().checked_sub(domain.len()) else {
        return false;
    };
    let (front, end) = host.as_bytes().split_at(start);
    end.eq_ignore_ascii_case(domain.as_bytes())
        && match front.last() {
            None => names_itself,
            Some(last) => *last == b'.',
        }
}

fn names_address(entry: &str, address: IpAddr, port: u16) -> bool {
    if let Some((network, bits)) = entry.split_once('/') {
        let is_number = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        return match (parse_address(network), bits.parse()) {
            (Some(network), Ok(bits)) if is_number => in_network(address, network, bits),
            _ => false,
        };
    }
    let same = |text| parse_address(text) == Some(address);
    same(entry) || without_port(entry, port).is_some_and(same)
}

/// With or without brackets.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text).parse().ok()
}

/// Whether the two begin with the same bits. As in curl, 0 bits are all bits.
fn in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (difference, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits() ^ b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits(), 128),
        _ => return false,
    };
    match bits {
        0 => difference == 0,
        _ if bits > width => false,
        _ => difference >> (width - bits) == 0,
    }
}

/// The entry without its port; `None` where that is another one.
fn without_port(entry: &str, port: u16) -> Option<&str> {
    match entry.rsplit_once(':') {
        Some((host, text)) if !host.contains(':') || host.ends_with(']') => {
            (text.parse() == Ok(port)).then_some(host)
        }
        _ => Some(entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cases: &[(&str, &str, bool)]) {
        for (host, list, expected) in cases {
            assert_eq!(names(list, host, 443), *expected, "{host} in {list:?}");
        }
    }

    // What curl's documentation and its unit test 1614 say, with other hosts.
    #[test]
    fn names_are_matched_as_by_curl() {
        check(&[
            ("api.test", "", false),
            ("api.test", "*", true),
            ("api.test", "api.test", true),
            ("v.api.test", "api.test", true),
            ("vapi.test", "api.test", false),
            ("api.test.other", "api.test", false),
            ("test", "api.test", false),
            ("api.test", "localhost,.api.test,.x.test", true),
            ("v.api.test", "localhost,.api.test,.x.test", true),
            ("v.api.test.", "localhost,.api.test", true),
            ("api.test.", "localhost,api.test", true),
            ("api.test", "localhost,.api.test.,x", true),
            ("v.api.test", "v.api.test.,x", true),
            ("nonapi.test", ".api.test", false),
            ("API.Test", "aPI.tEST", true),
            ("v.api.test", "w.api.test, .x.test", false),
            ("api.test", "foo,,,,,              api.test, ::1/64", true),
            ("api.test", " \tapi.test\t ", true),
            ("api.test", "api.test,", true),
            ("api.test", ",api.test", true),
            ("api.test", ".", false),
            ("api.test", "..", false),
            ("localhost", "127.0.0.1,localhost", true),
            ("localhost", "127.0.0.1,::1", false),
            // A blank is no comma: what follows is not looked at.
            ("v.api.test", "localhost .api.test .x.test", false),
            ("localhost", "localhost .api.test", true),
        ]);
    }

    #[test]
    fn networks_are_matched_as_by_curl() {
        check(&[
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "localhost,127.0.0.1/8,", true),
            ("127.0.0.1", "127.0.0.1/31", true),
            ("127.0.0.1", "localhost", false),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("11.1.2.3", "10.0.0.0/8", false),
            ("10.1.2.3", "10.1.0.0/16", true),
            ("10.1.2.3", "10.2.0.0/15", false),
            ("10.1.2.3", "10.1.2.3/32", true),
            ("10.1.2.3", "10.1.2.2/32", false),
            ("10.1.2.3", "10.1.2.3/33", false),
            ("10.1.2.3", "10.0.0.0", false),
            ("10.1.2.3", "10.0.0.0/8 ", true),
            ("10.1.2.3", "10.0.0.0/ 8", false),
            ("10.1.2.3", "10.0.0.0/8a", false),
            ("10.1.2.3", "10.0.0.0/a8", false),
            ("10.1.2.3", "10.0.0.0/+8", false),
            ("10.1.2.3", "10.0.0.0/", false),
            ("10.1.2.3", "10.0.0.0/99999999999", false),
            ("10.1.2.3", "10.1.2.3/0", true),
            ("10.1.2.3", "0.0.0.0/0", false),
            ("10.1.2.3", "foo, bar, 10.0.0.0/8", true),
            // No name is looked up, so none is in a network; and no address is below a domain.
            ("api.test", "0.0.0.0/1", false),
            ("10.1.2.3", "2.3,.3", false),
            ("::1", "foo, 10.0.0.0/8", false),
            ("::1", "foo, ::1", true),
            ("::1", "0:0::1/64", true),
            ("::1", "::2/127", false),
            ("::1", "::1/128", true),
            ("::1", "::1/129", false),
            ("fd12:3456::1", "fd00::/8", true),
            ("fe80::1", "fd00::/8", false),
            ("2001:db8:8000::1", "2001:db8::/32", true),
            ("2001:db8:8000::1", "2001:db8::/33", false),
            ("2001:db8::1", "2001:db8::/72", true),
            ("::ffff:10.1.2.3", "10.0.0.0/8", false),
        ]);
    }

    #[test]
    fn entries_that_only_other_programs_know_count_as_well() {
        check(&[
            ("api.test", "localhost,*", true),
            ("v.api.test", "*.api.test", true),
            ("api.test", "*.api.test", false),
            ("vapi.test", "*api.test", false),
            ("::1", "[::1]", true),
            ("fd00::1", "[fd00::]/8", true),
            ("api.test", "api.test:443", true),
            ("api.test", "api.test:8443", false),
            ("api.test", "api.test:", false),
            ("10.1.2.3", "10.1.2.3:443", true),
            ("10.1.2.3", "10.1.2.3:80", false),
            ("::1", "[::1]:443", true),
            ("::1", "[::1]:80", false),
            // Not the address ::1 with port 443.
            ("::1", "::1:443", false),
            ("10.1.2.3", "localhost\n10.1.2.3", true),
            ("api.test", "localhost\r\napi.test\r\n", true),
        ]);
    }
}
