//! Reads X.509 certificates of any version (RFC 5280, section 4.1), as far as it takes to verify them.

/// A certificate.
#[derive(Debug)]
pub(crate) struct Certificate<'c> {
    /// What is signed, with its tag.
    pub signed: &'c [u8],
    /// The signature algorithm, without its tag.
    pub signature_algorithm: &'c [u8],
    pub signature: &'c [u8],
    pub issuer: &'c [u8],
    pub subject: &'c [u8],
    /// Seconds since the Unix epoch.
    pub not_before: i64,
    /// Seconds since the Unix epoch.
    pub not_after: i64,
    /// The public key with its algorithm and its tag (`SubjectPublicKeyInfo`).
    pub key_info: &'c [u8],
    /// The algorithm of the public key, without its tag.
    pub key_algorithm: &'c [u8],
    pub key: &'c [u8],
    /// The purposes, if it has any (section 4.2.1.12).
    purposes: Option<Vec<&'c [u8]>>,
    /// Whether it has version 3, with extensions.
    has_extensions: bool,
    /// Whether it is one of an authority; `None` if it does not say (section 4.2.1.9).
    is_authority: Option<bool>,
    /// How many authorities may follow it in a chain.
    pub path_length: Option<u8>,
    /// Whether its key may sign certificates (section 4.2.1.3).
    pub may_sign: bool,
    /// Whether it has extensions that are not understood here, and must be.
    pub is_restricted: bool,
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
/// The bit of `keyCertSign`, the sixth from the left.
const KEY_CERT_SIGN: u8 = 0x04;

impl<'c> Certificate<'c> {
    /// Reads a certificate in DER; `None` if it is not one.
    pub fn parse(der: &'c [u8]) -> Option<Certificate<'c>> {
        let mut outer = Reader(der);
        let mut parts = Reader(outer.expect(SEQUENCE)?);
        outer.end()?;
        let (signed, body) = parts.element(SEQUENCE)?;
        let signature_algorithm = parts.expect(SEQUENCE)?;
        let signature = bits(parts.expect(BIT_STRING)?)?;
        parts.end()?;

        let mut body = Reader(body);
        let version = match body.optional(VERSION)? {
            None => 0,
            Some(version) => *Reader(version).expect(INTEGER)?.last()?,
        };
        body.expect(INTEGER)?;
        if body.expect(SEQUENCE)? != signature_algorithm {
            return None;
        }
        let issuer = body.expect(SEQUENCE)?;
        let mut validity = Reader(body.expect(SEQUENCE)?);
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        let subject = body.expect(SEQUENCE)?;
        let (key_info, key) = body.element(SEQUENCE)?;
        let mut key = Reader(key);
        let key_algorithm = key.expect(SEQUENCE)?;
        let key = bits(key.expect(BIT_STRING)?)?;
        let mut certificate = Certificate {
            signed,
            signature_algorithm,
            signature,
            issuer,
            subject,
            not_before,
            not_after,
            key_info,
            key_algorithm,
            key,
            purposes: None,
            has_extensions: version == 2,
            is_authority: None,
            path_length: None,
            may_sign: true,
            is_restricted: false,
        };
        // Unique identifiers (version 2) may come before.
        while let Some(tag) = body.peek() {
            let content = body.expect(tag)?;
            if tag == EXTENSIONS && certificate.has_extensions {
                let mut extensions = Reader(Reader(content).expect(SEQUENCE)?);
                while extensions.peek().is_some() {
                    certificate.read_extension(extensions.expect(SEQUENCE)?)?;
                }
            }
        }
        Some(certificate)
    }

    fn read_extension(&mut self, extension: &'c [u8]) -> Option<()> {
        let mut extension = Reader(extension);
        let identifier = extension.expect(OBJECT_IDENTIFIER)?;
        let critical = extension.optional(BOOLEAN)?;
        let is_critical = critical.is_some_and(|value| value != [0]);
        let mut value = Reader(extension.expect(OCTET_STRING)?);
        extension.end()?;
        match identifier {
            KEY_USAGE => {
                let bits = value.expect(BIT_STRING)?;
                let first = bits.get(1).copied().unwrap_or_default();
                self.may_sign = first & KEY_CERT_SIGN != 0;
            }
            BASIC_CONSTRAINTS => {
                let mut value = Reader(value.expect(SEQUENCE)?);
                let authority = value.optional(BOOLEAN)?;
                self.is_authority = Some(authority.is_some_and(|value| value != [0]));
                if let Some(length) = value.optional(INTEGER)? {
                    self.path_length = match length {
                        [length] => Some(*length),
                        _ => return None,
                    };
                }
            }
            EXTENDED_KEY_USAGE => {
                let mut value = Reader(value.expect(SEQUENCE)?);
                let mut purposes = Vec::new();
                while value.peek().is_some() {
                    purposes.push(value.expect(OBJECT_IDENTIFIER)?);
                }
                self.purposes = Some(purposes);
            }
            ALTERNATIVE_NAME => {}
            NAME_CONSTRAINTS => self.is_restricted = true,
            _ => self.is_restricted |= is_critical,
        }
        Some(())
    }

    /// Returns whether it is one of an authority.
    pub fn is_authority(&self) -> bool {
        self.is_authority == Some(true)
    }

    /// Returns whether it can be one of an authority that the user trusts: those before version 3 do not say whether they
    /// are.
    pub fn may_be_authority(&self) -> bool {
        self.is_authority.unwrap_or(!self.has_extensions)
    }

    /// Returns whether it may be used for servers.
    pub fn is_for_servers(&self) -> bool {
        let purposes = self.purposes.as_deref();
        purposes.is_none_or(|purposes| {
            let is_server = |purpose: &&[u8]| [SERVER_AUTH, ANY_PURPOSE].contains(purpose);
            purposes.iter().any(is_server)
        })
    }
}

/// Reads a sequence of elements (X.690, section 8.1).
struct Reader<'r>(&'r [u8]);

impl<'r> Reader<'r> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Returns an element with and without its tag and length.
    fn element(&mut self, tag: u8) -> Option<(&'r [u8], &'r [u8])> {
        let whole = self.0;
        let (&found, rest) = whole.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        if found != tag {
            return None;
        }
        self.0 = rest;
        Some((&whole[..whole.len() - rest.len()], content))
    }

    fn expect(&mut self, tag: u8) -> Option<&'r [u8]> {
        self.element(tag).map(|(_, content)| content)
    }

    /// Returns an element if it is the next one.
    #[allow(clippy::option_option)]
    fn optional(&mut self, tag: u8) -> Option<Option<&'r [u8]>> {
        match self.peek() {
            Some(found) if found == tag => self.expect(tag).map(Some),
            _ => Some(None),
        }
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Returns the content of a bit string of whole bytes.
fn bits(content: &[u8]) -> Option<&[u8]> {
    match content.split_first()? {
        (0, bytes) => Some(bytes),
        _ => None,
    }
}

/// Reads a time (section 4.1.2.5) as seconds since the Unix epoch.
fn time(reader: &mut Reader<'_>) -> Option<i64> {
    let tag = reader.peek()?;
    let text = str::from_utf8(reader.expect(tag)?)
        .ok()?
        .strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { year + 2000 } else { year + 1900 }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let number = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let (month, day) = (number(0)?, number(2)?);
    let (hour, minute, second) = (number(4)?, number(6)?, number(8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin on 1 March, so that leap days are their last days.
    let (year, month) = match month {
        3.. => (year, month - 3),
        _ => (year - 1, month + 9),
    };
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
        - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/certificates/"
        );
        let pem = std::fs::read(format!("{folder}{name}.pem")).unwrap();
        crate::tls::read_certificates(&pem).unwrap()[0].to_vec()
    }

    #[test]
    fn certificates_of_every_version_are_read() {
        let v1 = fixture("client-v1");
        let v1 = Certificate::parse(&v1).unwrap();
        assert!(!v1.is_authority() && v1.may_be_authority() && v1.is_for_servers());
        let server = fixture("server");
        let server = Certificate::parse(&server).unwrap();
        assert!(!server.is_authority() && !server.may_be_authority() && !server.is_restricted);
        let client = fixture("client");
        assert!(!Certificate::parse(&client).unwrap().is_for_servers());
        let authority = fixture("authority");
        let authority = Certificate::parse(&authority).unwrap();
        assert!(authority.is_authority());
        assert_eq!(server.issuer, authority.subject);
        let expired = fixture("self-signed-expired");
        let expired = Certificate::parse(&expired).unwrap();
        let dates = (expired.not_before, expired.not_after);
        assert_eq!(dates, (1_420_070_400, 1_420_156_800));
        // A year from 2050 on is a GeneralizedTime.
        assert!(authority.not_after > 4_900_000_000);
    }

    #[test]
    fn no_bytes_make_the_reader_fail_otherwise_than_with_none() {
        let whole = fixture("authority-served-signed");
        for end in 0..whole.len() {
            assert!(Certificate::parse(&whole[..end]).is_none());
        }
        let mut changed = whole.clone();
        for at in 0..whole.len() {
            for value in [0, 1, 0x1f, 0x30, 0x7f, 0x80, 0x81, 0x83, 0x84, 0xff] {
                changed[at] = value;
                let _ = Certificate::parse(&changed);
            }
            changed[at] = whole[at];
        }
    }
}
