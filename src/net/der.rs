//! As much of DER (X.690) and of X.509 (RFC 5280) as it takes to say in words what is wrong with a certificate.
//! Nothing is trusted for what this finds: that is rustls's to decide.

use std::iter;

use crate::plain_text::plain;

/// The most characters of a name that are shown.
const MAX_NAME_LENGTH: usize = 64;

/// Tags (X.690, 8.1.2).
pub mod tag {
    /// A whole number.
    pub const INTEGER: u8 = 0x02;
    /// Bytes.
    pub const OCTET_STRING: u8 = 0x04;
    /// An object identifier.
    pub const OID: u8 = 0x06;
    /// A text of 16-bit characters.
    pub const BMP_STRING: u8 = 0x1e;
    /// Elements, one after the other.
    pub const SEQUENCE: u8 = 0x30;
    /// Elements in any order.
    pub const SET: u8 = 0x31;
    /// `[0]`, with elements in it.
    pub const CONTEXT_0: u8 = 0xa0;
    /// `[3]`, with elements in it.
    pub const CONTEXT_3: u8 = 0xa3;
}

/// An element of DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// What it is.
    pub tag: u8,
    /// What is in it.
    pub contents: &'a [u8],
    /// All of it, with its tag and its length.
    pub whole: &'a [u8],
}

/// The elements in `bytes`, up to what is none, such as one that is cut off.
pub fn elements(mut bytes: &[u8]) -> impl Iterator<Item = Element<'_>> {
    iter::from_fn(move || {
        let (&[tag, first], after) = bytes.split_first_chunk()?;
        let (length, after) = match first {
            0..=0x7f => (usize::from(first), after),
            // The number of bytes that the length has; more than 4 GiB is no certificate.
            0x81..=0x84 => {
                let (digits, after) = after.split_at_checked(usize::from(first & 0x7f))?;
                let length = digits
                    .iter()
                    .fold(0, |length, digit| length << 8 | usize::from(*digit));
                (length, after)
            }
            _ => return None,
        };
        let (contents, rest) = after.split_at_checked(length)?;
        let (whole, _) = bytes.split_at_checked(bytes.len() - rest.len())?;
        bytes = rest;
        Some(Element {
            tag,
            contents,
            whole,
        })
    })
}

/// The first element in `bytes`, where it has this tag.
pub fn first(bytes: &[u8], tag: u8) -> Option<Element<'_>> {
    elements(bytes).next().filter(|element| element.tag == tag)
}

/// Whether nothing but whole elements is in `bytes`.
pub fn is_whole(bytes: &[u8]) -> bool {
    let length: usize = elements(bytes).map(|element| element.whole.len()).sum();
    length == bytes.len()
}

/// A certificate, of whatever version, whether or not it is valid.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// The name of who has issued it.
    pub issuer: &'a [u8],
    /// The name of whom it is for.
    pub subject: &'a [u8],
    /// SubjectPublicKeyInfo, without its tag and its length.
    pub public_key: &'a [u8],
    extensions: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Takes one apart. None for what is no certificate.
    pub fn parse(der: &'a [u8]) -> Option<Certificate<'a>> {
        let signed = first(der, tag::SEQUENCE)?;
        let to_be_signed = first(signed.contents, tag::SEQUENCE)?;
        // The version is left out in version 1.
        let mut fields =
            elements(to_be_signed.contents).skip_while(|field| field.tag == tag::CONTEXT_0);
        fields.next().filter(|field| field.tag == tag::INTEGER)?;
        let _algorithm = fields.next()?;
        let issuer = fields.next()?;
        let _validity = fields.next()?;
        let subject = fields.next()?;
        let public_key = fields.next()?;
        let extensions = fields
            .find(|field| field.tag == tag::CONTEXT_3)
            .and_then(|field| first(field.contents, tag::SEQUENCE));
        Some(Certificate {
            issuer: issuer.contents,
            subject: subject.contents,
            public_key: public_key.contents,
            extensions: extensions.map_or(&[], |extensions| extensions.contents),
        })
    }

    /// Whether it says that nobody else has issued it.
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// The object identifiers of its critical extensions.
    pub fn critical_extensions(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        elements(self.extensions).filter_map(|extension| {
            let mut fields = elements(extension.contents);
            let id = fields.next().filter(|field| field.tag == tag::OID)?;
            // BOOLEAN, DEFAULT FALSE.
            let is_critical = fields.next().is_some_and(|field| field.tag == 0x01);
            is_critical.then_some(id.contents)
        })
    }
}

/// A name for people: its common name, or else its organization, in quotes. It is whatever a stranger has
/// written into a certificate: one line of it, and not too much.
pub fn name_text(name: &[u8]) -> String {
    let attributes = || {
        elements(name)
            .flat_map(|set| elements(set.contents))
            .filter_map(|attribute| {
                let mut fields = elements(attribute.contents);
                Some((fields.next()?.contents, fields.next()?))
            })
    };
    // commonName, organizationName, organizationalUnitName (X.520); the last one is the most specific.
    let value = [[0x55, 4, 3], [0x55, 4, 10], [0x55, 4, 11]]
        .iter()
        .find_map(|wanted| attributes().filter(|(id, _)| id == wanted).last());
    let Some((_, value)) = value else {
        return "(no name)".to_owned();
    };
    let text = match value.tag {
        tag::BMP_STRING => {
            let units: Vec<u16> = value
                .contents
                .chunks_exact(2)
                .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
                .collect();
            String::from_utf16_lossy(&units)
        }
        _ => String::from_utf8_lossy(value.contents).into_owned(),
    };
    quoted(&text)
}

/// `text` in quotes: one line of it, and not too much.
pub fn quoted(text: &str) -> String {
    let text = plain(text).trim().replace('"', "'");
    let shown: String = text.chars().take(MAX_NAME_LENGTH).collect();
    let more = if shown.len() < text.len() { "..." } else { "" };
    format!("\"{shown}{more}\"")
}

/// An object identifier as numbers with dots (X.690, 8.19).
pub fn oid_text(oid: &[u8]) -> String {
    let mut text = String::new();
    let mut number: u64 = 0;
    for byte in oid {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            let first = (number / 40).min(2);
            text = format!("{first}.{}", number - first * 40);
        } else {
            text = format!("{text}.{number}");
        }
        if text.len() > MAX_NAME_LENGTH {
            break;
        }
        number = 0;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = contents.len().to_be_bytes();
        [&[tag, 0x84], &length[length.len() - 4..], contents].concat()
    }

    #[test]
    fn elements_are_read_up_to_what_is_none() {
        let bytes = [4, 1, 9, 0x30, 0x81, 2, 5, 0, 4, 9, 1];
        let read: Vec<_> = elements(&bytes).collect();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].tag, read[0].contents), (4, &[9][..]));
        assert_eq!((read[1].tag, read[1].contents), (0x30, &[5, 0][..]));
        assert_eq!(read[1].whole, [0x30, 0x81, 2, 5, 0]);
        for cut in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0x81],
            &[4, 0x82, 1],
            &[4, 0x80, 0, 0],
        ] {
            assert_eq!(elements(cut).next(), None, "{cut:?}");
        }
        let endless = [4, 0x84, 0xff, 0xff, 0xff, 0xff, 0];
        assert_eq!(elements(&endless).next(), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "ring, which makes the key, is not all Rust")]
    fn every_beginning_of_a_certificate_is_read_without_a_panic() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["host.test".to_owned()]).unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let certificate = Certificate::parse(&der).unwrap();
        assert!(certificate.is_self_issued());
        assert_eq!(name_text(certificate.subject), "\"rcgen self signed cert\"");
        for length in 0..der.len() {
            assert!(Certificate::parse(&der[..length]).is_none(), "{length}");
        }
        for at in 0..der.len() {
            let mut changed = der.clone();
            changed[at] ^= 0xff;
            if let Some(certificate) = Certificate::parse(&changed) {
                name_text(certificate.issuer);
                certificate
                    .critical_extensions()
                    .map(oid_text)
                    .for_each(drop);
            }
        }
    }

    #[test]
    fn a_name_is_one_line_of_bounded_length() {
        let name = |id: u8, tag: u8, value: &[u8]| {
            let pair = [element(tag::OID, &[0x55, 4, id]), element(tag, value)].concat();
            element(tag::SET, &element(tag::SEQUENCE, &pair))
        };
        let long = "x".repeat(1000);
        for (name, expected) in [
            (Vec::new(), "(no name)".to_owned()),
            (name(3, 0x0c, "Ä".as_bytes()), "\"Ä\"".to_owned()),
            (name(3, 0x1e, &[0x20, 0xac, 0, b'x']), "\"€x\"".to_owned()),
            (
                [name(10, 0x13, b"O"), name(3, 0x13, b"CN")].concat(),
                "\"CN\"".to_owned(),
            ),
            (name(10, 0x13, b"O"), "\"O\"".to_owned()),
            (name(6, 0x13, b"DE"), "(no name)".to_owned()),
            (
                name(3, 0x0c, "a\"b\nc\u{202e}d\x07".as_bytes()),
                "\"a'b cd\"".to_owned(),
            ),
            (name(3, 0x14, &[0xff, b'a']), "\"\u{fffd}a\"".to_owned()),
            (
                name(3, 0x0c, long.as_bytes()),
                format!("\"{}...\"", &long[..MAX_NAME_LENGTH]),
            ),
        ] {
            assert_eq!(name_text(&name), expected);
        }
    }

    #[test]
    fn object_identifiers_are_numbers_with_dots() {
        for (oid, expected) in [
            (&[0x55, 0x1d, 0x20][..], "2.5.29.32"),
            (
                &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4],
                "1.2.840.10045.4.3.4",
            ),
            (&[0x88, 0x37], "2.999"),
            (&[], ""),
        ] {
            assert_eq!(oid_text(oid), expected);
        }
        assert!(oid_text(&[0x7f; 1000]).len() < 2 * MAX_NAME_LENGTH);
        oid_text(&[0xff; 100]);
    }
}
