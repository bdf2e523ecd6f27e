//! Versions and constraints of charts: `>=1.19-0`, `~1.2 || ^2`, `1.2 - 1.4`.
//!
//! The grammar is that of the Masterminds semver library, which Helm uses for `semverCompare`, dependencies and
//! `kubeVersion`. It accepts more than Cargo's.

use std::str::FromStr;

use semver::{BuildMetadata, Prerelease, Version};

/// Parses a version. A leading `v` and missing parts are allowed (`v1.2` is 1.2.0).
///
/// # Errors
/// A message that quotes the text.
pub fn parse(text: &str) -> Result<Version, String> {
    let wrong = || format!("{text:?} is not a version (https://semver.org)");
    let trimmed = text.trim();
    let trimmed = trimmed.strip_prefix('v').unwrap_or(trimmed);
    let (partial, _) = Partial::parse(trimmed).ok_or_else(wrong)?;
    if partial.numbers.is_empty() {
        return Err(wrong());
    }
    Ok(partial.lowest())
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
    version: Partial,
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

/// A version whose last parts can be missing or wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Partial {
    numbers: Vec<u64>,
    pre: Prerelease,
}

impl Constraint {
    /// Returns whether the version satisfies the constraint.
    ///
    /// A pre-release satisfies only comparators that themselves name a pre-release (`>=1.19-0`).
    pub fn allows(&self, version: &Version) -> bool {
        self.any
            .iter()
            .any(|all| all.iter().all(|c| c.allows(version)))
    }
}

impl FromStr for Constraint {
    type Err = String;

    fn from_str(text: &str) -> Result<Constraint, String> {
        let wrong =
            || format!("{text:?} is not a version constraint (such as >=1.19-0 or ~1.2 || ^2)");
        let any = text
            .split("||")
            .map(|all| comparators(all).ok_or_else(wrong))
            .collect::<Result<_, _>>()?;
        Ok(Constraint { any })
    }
}

/// Parses a set such as `>=1.2, <2` or `>=1.2 <2` or `1.2 - 1.4`.
fn comparators(text: &str) -> Option<Vec<Comparator>> {
    if let Some((low, high)) = text.split_once(" - ") {
        let (low, high) = (full(low)?, full(high)?);
        return Some(vec![
            Comparator {
                op: Op::GreaterEqual,
                version: low,
            },
            Comparator {
                op: Op::LessEqual,
                version: high,
            },
        ]);
    }
    let mut rest = text.trim_start_matches([' ', ',']);
    let mut found = Vec::new();
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !"=!<>~^".contains(c))
            .unwrap_or(rest.len());
        let (op, after) = rest.split_at(end);
        let op = match op {
            "" | "=" | "==" => Op::Equal,
            "!=" => Op::NotEqual,
            ">" => Op::Greater,
            ">=" | "=>" => Op::GreaterEqual,
            "<" => Op::Less,
            "<=" | "=<" => Op::LessEqual,
            "~" | "~>" => Op::Tilde,
            "^" => Op::Caret,
            _ => return None,
        };
        let after = after.trim_start();
        let (version, after) = Partial::parse(after.strip_prefix('v').unwrap_or(after))?;
        found.push(Comparator { op, version });
        rest = after.trim_start_matches([' ', ',']);
    }
    (!found.is_empty()).then_some(found)
}

fn full(text: &str) -> Option<Partial> {
    let text = text.trim();
    let (version, rest) = Partial::parse(text.strip_prefix('v').unwrap_or(text))?;
    rest.is_empty().then_some(version)
}

impl Partial {
    /// Parses the version at the start of a string. Returns it with the rest.
    fn parse(text: &str) -> Option<(Partial, &str)> {
        let end = text.find([' ', ',']).unwrap_or(text.len());
        let (own, rest) = text.split_at(end);
        let (own, build) = own
            .split_once('+')
            .map_or((own, None), |(own, b)| (own, Some(b)));
        if build.is_some_and(|b| BuildMetadata::new(b).is_err()) {
            return None;
        }
        let (numbers, pre) = own
            .split_once('-')
            .map_or((own, None), |(n, pre)| (n, Some(pre)));
        let mut parts = Vec::new();
        let mut wild = false;
        for part in numbers.split('.') {
            match part {
                "*" | "x" | "X" => wild = true,
                _ if wild => return None,
                digits => parts.push(digits.parse().ok()?),
            }
        }
        if parts.len() + usize::from(wild) > 3 {
            return None;
        }
        if pre == Some("") {
            return None;
        }
        let pre = Prerelease::new(pre.unwrap_or_default()).ok()?;
        Some((
            Partial {
                numbers: parts,
                pre,
            },
            rest,
        ))
    }

    fn number(&self, i: usize) -> u64 {
        self.numbers.get(i).copied().unwrap_or(0)
    }

    /// Returns the lowest version that it stands for.
    fn lowest(&self) -> Version {
        Version {
            major: self.number(0),
            minor: self.number(1),
            patch: self.number(2),
            pre: self.pre.clone(),
            build: BuildMetadata::EMPTY,
        }
    }

    /// Returns the first version after all those that agree in the first `parts` numbers.
    fn behind(&self, parts: usize) -> Option<Version> {
        let at = parts.checked_sub(1)?;
        let mut numbers = [0u64; 3];
        for (i, slot) in numbers.iter_mut().enumerate().take(parts) {
            *slot = self.number(i);
        }
        let slot = numbers.get_mut(at)?;
        *slot = slot.saturating_add(1);
        Some(Version::new(numbers[0], numbers[1], numbers[2]))
    }
}

impl Comparator {
    fn allows(&self, version: &Version) -> bool {
        if !version.pre.is_empty() && self.version.pre.is_empty() {
            return false;
        }
        let lowest = self.version.lowest();
        let parts = self.version.numbers.len();
        // Compared by number: a pre-release of the bound itself is lower than the bound.
        let before = |bound: Option<Version>| {
            bound.is_none_or(|b| {
                (version.major, version.minor, version.patch) < (b.major, b.minor, b.patch)
            })
        };
        let inside = |bound: Option<Version>| *version >= lowest && before(bound);
        let same = || match parts {
            3 => version.cmp_precedence(&lowest).is_eq(),
            _ => inside(self.version.behind(parts)),
        };
        match self.op {
            Op::Equal => same(),
            Op::NotEqual => !same(),
            Op::Greater if parts < 3 => !before(self.version.behind(parts)) && parts > 0,
            Op::Greater => *version > lowest,
            Op::GreaterEqual => *version >= lowest,
            Op::Less => *version < lowest,
            Op::LessEqual if parts < 3 => before(self.version.behind(parts)),
            Op::LessEqual => *version <= lowest,
            Op::Tilde => inside(self.version.behind(parts.min(2))),
            Op::Caret => {
                let leading = (0..parts).find(|i| self.version.number(*i) > 0);
                inside(self.version.behind(leading.map_or(parts, |i| i + 1)))
            }
        }
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
        for text in ["", "x.y", "1.2.3.4", "1.-2", "1.2.3-"] {
            let error = parse(text);
            assert!(error.is_err(), "{text}: {error:?}");
        }
        assert!("".parse::<Constraint>().is_err());
        assert!(">>1".parse::<Constraint>().is_err());
        assert!(">= x.y.z.w".parse::<Constraint>().is_err());
    }
}
