//! Versions and constraints of charts: `>=1.19-0`, `~1.2 || ^2`, `1.2 - 1.4`.
//!
//! The grammar is that of the Masterminds semver library, which Helm uses for `semverCompare`, dependencies and
//! `kubeVersion`. It accepts more than Cargo's.

use std::str::FromStr;

use semver::{BuildMetadata, Prerelease, Version};

/// Maximum length of a version in bytes, as in Helm.
const MAX_VERSION_LEN: usize = 256;
/// Maximum length of a constraint in bytes, as in Helm.
const MAX_CONSTRAINT_LEN: usize = 512;
/// Maximum number of alternatives (`||`) of a constraint, as in Helm.
const MAX_ALTERNATIVES: usize = 32;

/// Parses a version. A leading `v` and missing parts are allowed (`v1.2` is 1.2.0), and so are leading zeros (`1.02`).
///
/// # Errors
/// A message that quotes the text.
pub fn parse(text: &str) -> Result<Version, String> {
    let wrong = || format!("{text:?} is not a version (https://semver.org)");
    if text.len() > MAX_VERSION_LEN {
        return Err(wrong());
    }
    let parts = Parts::parse(text).ok_or_else(wrong)?;
    let number = |text: &str| match text {
        "" => Some(0),
        digits => digits.parse().ok(),
    };
    let [major, minor, patch] = parts.numbers.map(number);
    match (major, minor, patch) {
        (Some(major), Some(minor), Some(patch)) if !parts.numbers[0].is_empty() => Ok(Version {
            major,
            minor,
            patch,
            pre: Prerelease::new(parts.pre).map_err(|_| wrong())?,
            build: BuildMetadata::EMPTY,
        }),
        _ => Err(wrong()),
    }
}

/// The parts of a version or of the version in a constraint, unchecked; empty if they are missing.
struct Parts<'t> {
    /// Digits, or in a constraint `x`, `X` or `*`.
    numbers: [&'t str; 3],
    pre: &'t str,
}

impl<'t> Parts<'t> {
    fn parse(text: &'t str) -> Option<Parts<'t>> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = match text.split_once('+') {
            Some((text, build)) => (text, Some(build)),
            None => (text, None),
        };
        let (numbers, pre) = match text.split_once('-') {
            Some((numbers, pre)) => (numbers, Some(pre)),
            None => (text, None),
        };
        let is_identifier = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if ![pre, build]
            .into_iter()
            .flatten()
            .all(|list| list.split('.').all(is_identifier))
        {
            return None;
        }
        let mut parts = numbers.split('.');
        let numbers = [
            parts.next()?,
            parts.next().unwrap_or(""),
            parts.next().unwrap_or(""),
        ];
        let is_number = |part: &&str| {
            part.bytes()
                .all(|b| b.is_ascii_digit() || b"xX*".contains(&b))
        };
        let ends_with_dot = text.split('-').next().is_some_and(|n| n.ends_with('.'));
        let fits = parts.next().is_none() && !ends_with_dot && numbers.iter().all(is_number);
        (fits && !numbers[0].is_empty()).then_some(Parts {
            numbers,
            pre: pre.unwrap_or(""),
        })
    }
}

/// A constraint on versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// The version has to satisfy all comparators of one of these sets.
    any: Vec<Vec<Comparator>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparator {
    op: Op,
    version: Version,
    /// The first part that is missing or a wildcard. The version has zeros there.
    open: Open,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Tilde,
    Caret,
}

/// The first part of the version in a comparator that can have any value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    None,
    Patch,
    Minor,
    Major,
}

impl Constraint {
    /// Returns whether the version satisfies the constraint.
    ///
    /// A pre-release satisfies only sets in which at least one comparator names a pre-release (`>=1.19-0 <2`).
    pub fn allows(&self, version: &Version) -> bool {
        self.any.iter().any(|all| {
            let takes_pre = all.iter().any(|c| !c.version.pre.is_empty());
            (version.pre.is_empty() || takes_pre) && all.iter().all(|c| c.allows(version))
        })
    }
}

impl FromStr for Constraint {
    type Err = String;

    fn from_str(text: &str) -> Result<Constraint, String> {
        let wrong =
            || format!("{text:?} is not a version constraint (such as >=1.19-0 or ~1.2 || ^2)");
        if text.len() > MAX_CONSTRAINT_LEN {
            return Err(wrong());
        }
        let rewritten = rewrite_ranges(text);
        let any: Vec<_> = rewritten
            .split("||")
            .map(|all| comparators(all).ok_or_else(wrong))
            .collect::<Result<_, _>>()?;
        match any.len() > MAX_ALTERNATIVES {
            true => Err(wrong()),
            false => Ok(Constraint { any }),
        }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

/// Returns whether a character cannot be part of the version in a comparator.
fn ends_version(c: char) -> bool {
    is_blank(c) || ",=!<>~^|".contains(c)
}

/// Replaces each `1.2 - 1.4` by `>= 1.2, <= 1.4`.
fn rewrite_ranges(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" - ") {
        let (before, after) = (&rest[..at], &rest[at + 3..]);
        let before = before.trim_end_matches(is_blank);
        let after = after.trim_start_matches(is_blank);
        let start = before.rfind(ends_version).map_or(0, |i| i + 1);
        let end = after.find(ends_version).unwrap_or(after.len());
        let (low, high) = (&before[start..], &after[..end]);
        if Parts::parse(low).is_none() || Parts::parse(high).is_none() {
            return text.to_owned();
        }
        out.push_str(&format!("{}>= {low}, <= {high} ", &before[..start]));
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// Parses a set such as `>=1.2, <2` or `>=1.2 <2`.
fn comparators(text: &str) -> Option<Vec<Comparator>> {
    let mut rest = text.trim_start_matches(is_blank);
    let mut found = Vec::new();
    loop {
        let end = rest
            .find(|c: char| !"=!<>~^".contains(c))
            .unwrap_or(rest.len());
        let (op, after) = rest.split_at(end);
        let op = match op {
            "" | "=" => Op::Equal,
            "!=" => Op::NotEqual,
            ">" => Op::Greater,
            ">=" | "=>" => Op::GreaterEqual,
            "<" => Op::Less,
            "<=" | "=<" => Op::LessEqual,
            "~" | "~>" => Op::Tilde,
            "^" => Op::Caret,
            _ => return None,
        };
        let after = after.trim_start_matches(is_blank);
        let end = after.find(ends_version).unwrap_or(after.len());
        let (version, after) = after.split_at(end);
        found.push(Comparator::new(op, version)?);
        rest = after.trim_start_matches(is_blank);
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start_matches(is_blank),
            None if rest.is_empty() => return Some(found),
            // Without a comma, a blank has to separate two comparators.
            None if rest.len() == after.len() => return None,
            None => {}
        }
    }
}

impl Comparator {
    fn new(op: Op, text: &str) -> Option<Comparator> {
        let Parts { numbers, pre } = Parts::parse(text)?;
        let is_open = |part: &str| matches!(part, "" | "x" | "X" | "*");
        let open = match numbers.iter().position(|part| is_open(part)) {
            Some(0) => Open::Major,
            Some(1) => Open::Minor,
            Some(_) => Open::Patch,
            None => Open::None,
        };
        // What stands behind a wildcard does not count.
        let mut closed = numbers.iter().take_while(|part| !is_open(part));
        let mut number = || closed.next().map_or(Some(0), |part| part.parse().ok());
        let version = Version {
            major: number()?,
            minor: number()?,
            patch: number()?,
            pre: Prerelease::new(pre).ok()?,
            build: BuildMetadata::EMPTY,
        };
        Some(Comparator { op, version, open })
    }

    fn allows(&self, version: &Version) -> bool {
        let bound = &self.version;
        let order = version.cmp_precedence(bound);
        match self.op {
            Op::Equal if self.open == Open::None => order.is_eq(),
            Op::Equal | Op::Tilde => order.is_ge() && self.is_near(version),
            Op::NotEqual => match self.open {
                Open::None => order.is_ne(),
                _ if version.major != bound.major => true,
                Open::Minor => false,
                _ if version.minor != bound.minor => true,
                // Of versions that differ in the last part only, the pre-releases decide.
                Open::Patch => version.pre != bound.pre,
                Open::Major => order.is_ne(),
            },
            Op::Greater => match self.open {
                Open::None => order.is_gt(),
                _ if version.major != bound.major => version.major > bound.major,
                Open::Minor => false,
                Open::Patch => version.minor > bound.minor,
                Open::Major => order.is_gt(),
            },
            Op::GreaterEqual => order.is_ge(),
            Op::Less => order.is_lt(),
            Op::LessEqual => match self.open {
                Open::None => order.is_le(),
                _ if version.major != bound.major => version.major < bound.major,
                Open::Minor => true,
                _ => version.minor <= bound.minor,
            },
            Op::Caret => order.is_ge() && self.is_compatible(version),
        }
    }

    /// Returns whether only parts differ that `~` leaves open. `~0.0.0` and `*` leave all of them open.
    fn is_near(&self, version: &Version) -> bool {
        let bound = &self.version;
        let is_zero = (bound.major, bound.minor, bound.patch) == (0, 0, 0);
        match self.open {
            Open::None | Open::Major if is_zero => true,
            Open::Minor => version.major == bound.major,
            _ => (version.major, version.minor) == (bound.major, bound.minor),
        }
    }

    /// Returns whether the first part that is not zero is the same.
    fn is_compatible(&self, version: &Version) -> bool {
        let bound = &self.version;
        if version.major != bound.major {
            return false;
        }
        if bound.major > 0 || self.open == Open::Minor {
            return true;
        }
        if version.minor != bound.minor {
            return false;
        }
        bound.minor > 0 || self.open == Open::Patch || version.patch == bound.patch
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_read_as_helm_reads_them() {
        let table = [
            (">=1.19-0", "1.25.3-gke.100", true),
            (">=1.19", "1.25.3-gke.100", false),
            // One comparator with a pre-release is enough for its set, not for the others.
            (">=1.19-0 <2", "1.25.3-gke.100", true),
            ("<2, >=1.19-0", "1.25.3-gke.100", true),
            (">=1.26-0 || <2", "1.25.3-gke.100", false),
            (">=1.19-0", "1.18.9", false),
            (">= 1.2.3, < 2.0.0", "1.9.9", true),
            (">=1.2 <2", "2.0.0", false),
            ("~1.2.3", "1.2.9", true),
            ("~1.2.3", "1.3.0", false),
            ("~1", "1.9.0", true),
            ("^1.2.3", "1.9.0", true),
            ("^1.2.3", "2.0.0", false),
            ("^0.2.3", "0.2.9", true),
            ("^0.2.3", "0.3.0", false),
            ("^0", "0.9.0", true),
            ("1.2.x", "1.2.7", true),
            ("1.2.x", "1.3.0", false),
            ("*", "7.1.0", true),
            ("1.2 - 1.4.5", "1.4.5", true),
            ("1.2 - 1.4.5", "1.4.6", false),
            ("<1 || >=2", "1.5.0", false),
            ("<1 || >=2", "2.0.0", true),
            ("!=1.2.3", "1.2.3", false),
            (">1.2", "1.2.9", false),
            (">1.2", "1.3.0", true),
            ("<=1.2", "1.2.9", true),
            ("v1.2.4", "v1.2.4", true),
            ("=1.2.4", "1.2.5", false),
            ("=1.2", "1.2.5", true),
            ("1.x.3", "1.7.0", true),
            ("~0.0.0", "4.0.0", true),
            ("^*", "1.0.0", false),
            (">*", "1.0.0", true),
            ("<=*", "1.0.0", false),
            ("!=1.2", "1.2.9", false),
            ("!=1.2", "1.3.9", true),
            ("!=1.x", "1.3.9", false),
            ("!=1.2-0", "1.2.9", true),
            ("1.2 - 1.4, !=1.3.0", "1.3.0", false),
            (">=1.2 , <2", "1.2.0", true),
            ("1.02", "1.2.3", true),
            ("=> 1.2", "01.2.3", true),
            ("1.2.3+a", "1.2.3+b", true),
        ];
        for (constraint, version, want) in table {
            let constraint: Constraint = constraint.parse().unwrap();
            assert_eq!(
                constraint.allows(&parse(version).unwrap()),
                want,
                "{constraint:?} {version}"
            );
        }
    }

    #[test]
    fn invalid_versions_are_errors() {
        let long = format!("1.2.3-{}", "a".repeat(MAX_VERSION_LEN));
        for text in [
            "", "x.y", "1.2.3.4", "1.-2", "1.2.3-", "1.2.3-01", "1.2.3+", "1.", "1.x", " 1.2.3",
            "V1.2.3", "latest", &long,
        ] {
            let error = parse(text);
            assert!(error.is_err(), "{text}: {error:?}");
        }
        let long = ">=1 ".repeat(200);
        let many = vec!["1"; MAX_ALTERNATIVES + 1].join("||");
        for text in [
            "",
            ">>1",
            "==1.2",
            ">= x.y.z.w",
            ">=1,",
            ",>=1",
            ">=1,,<2",
            ">=1<2",
            "1 -2",
            "a",
            "1||",
            "1.2x",
            &long,
            &many,
        ] {
            let constraint = text.parse::<Constraint>();
            assert!(constraint.is_err(), "{text}: {constraint:?}");
        }
    }
}
