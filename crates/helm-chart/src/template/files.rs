//! `.Files`: the files of a chart that are no templates, and the methods templates call on them.

use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;

use super::value::Value;

/// Files by their path inside the chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<Rc<str>, Rc<[u8]>>);

impl Files {
    /// Returns whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, bytes)| (&**name, &**bytes))
    }

    /// Returns the content of a file; empty for an unknown file, as in helm.
    pub fn get(&self, name: &str) -> Value {
        Value::text(self.0.get(name).map(|b| &**b).unwrap_or_default())
    }

    /// The files whose path a shell pattern matches: `*` stays within a folder, `**` does not.
    #[must_use]
    pub fn glob(&self, pattern: &str) -> Files {
        Files(
            self.0
                .iter()
                .filter(|(name, _)| glob_match(pattern, name))
                .map(|(name, bytes)| (Rc::clone(name), Rc::clone(bytes)))
                .collect(),
        )
    }

    /// A method call of a template: `.Files.Get "x"`.
    pub(super) fn call(&self, method: &str, args: &[Value]) -> Result<Value, String> {
        let name = || match args {
            [Value::Str(name)] => Ok(&**name),
            _ => Err(format!(".Files.{method} takes one text")),
        };
        let by_base_name = |content: &dyn Fn(&[u8]) -> String| {
            let map: serde_json::Map<_, _> = self
                .iter()
                .map(|(path, bytes)| {
                    let base = path.rsplit('/').next().unwrap_or(path);
                    (base.to_owned(), serde_json::Value::from(content(bytes)))
                })
                .collect();
            let yaml = crate::yaml::to_yaml(&map.into());
            Value::str(yaml.strip_suffix('\n').unwrap_or(&yaml))
        };
        Ok(match method {
            "Get" | "GetBytes" => self.get(name()?),
            "Glob" => Value::Files(Rc::new(self.glob(name()?))),
            "Lines" => {
                let text = self.get(name()?).to_string();
                let text = text.strip_suffix('\n').unwrap_or(&text);
                if text.is_empty() {
                    Value::list(Vec::new())
                } else {
                    Value::list(text.split('\n').map(Value::str).collect())
                }
            }
            "AsConfig" => by_base_name(&|bytes| String::from_utf8_lossy(bytes).into_owned()),
            "AsSecrets" => by_base_name(&base64),
            _ => return Err(format!(".Files has no method {method}")),
        })
    }
}

impl FromIterator<(String, Vec<u8>)> for Files {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(files: I) -> Files {
        Files(
            files
                .into_iter()
                .map(|(name, bytes)| (name.into(), bytes.into()))
                .collect(),
        )
    }
}

/// Standard base64 with padding (RFC 4648, section 4).
pub(super) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Shell patterns over paths: `?`, `*`, `**`, `[a-z]`, `[!a-z]`, `{a,b}`, `\` before any of them.
pub(crate) fn glob_match(pattern: &str, path: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let path: Vec<char> = path.chars().collect();
    // Alternatives and stars both backtrack; a budget keeps a hostile pattern from running on.
    let mut budget = 1_000_000;
    matches(&pattern, &path, &mut budget)
}

fn matches(pattern: &[char], path: &[char], budget: &mut u32) -> bool {
    if *budget == 0 {
        return false;
    }
    *budget -= 1;
    let Some((&first, rest)) = pattern.split_first() else {
        return path.is_empty();
    };
    match first {
        '*' if rest.first() == Some(&'*') => {
            let rest = rest.get(1..).unwrap_or_default();
            (0..=path.len()).any(|n| matches(rest, &path[n..], budget))
        }
        '*' => {
            let reach = path.iter().position(|c| *c == '/').unwrap_or(path.len());
            (0..=reach).any(|n| matches(rest, &path[n..], budget))
        }
        '{' => match rest.iter().position(|c| *c == '}') {
            Some(end) => rest[..end].split(|c| *c == ',').any(|option| {
                let mut whole = option.to_vec();
                whole.extend_from_slice(&rest[end + 1..]);
                matches(&whole, path, budget)
            }),
            None => false,
        },
        _ => {
            let Some((&c, path)) = path.split_first() else {
                return false;
            };
            match first {
                '?' => c != '/' && matches(rest, path, budget),
                '[' => match rest.iter().position(|c| *c == ']') {
                    Some(end) => class(&rest[..end], c) && matches(&rest[end + 1..], path, budget),
                    None => false,
                },
                '\\' => rest
                    .split_first()
                    .is_some_and(|(&literal, rest)| literal == c && matches(rest, path, budget)),
                literal => literal == c && matches(rest, path, budget),
            }
        }
    }
}

fn class(class: &[char], c: char) -> bool {
    let (negated, class) = match class.split_first() {
        Some(('!' | '^', rest)) => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    let mut rest = class;
    while let Some((&low, tail)) = rest.split_first() {
        if let ['-', high, tail @ ..] = tail {
            found |= (low..=*high).contains(&c);
            rest = tail;
        } else {
            found |= low == c;
            rest = tail;
        }
    }
    c != '/' && found != negated
}

#[cfg(test)]
mod tests {
    use super::glob_match;

    #[test]
    fn patterns_match_paths_as_helm_has_it() {
        let table = [
            ("files/*", "files/a.txt", true),
            ("files/*", "files/sub/a.txt", false),
            ("files/**", "files/sub/a.txt", true),
            ("**.txt", "files/sub/a.txt", true),
            ("files/?.txt", "files/a.txt", true),
            ("files/[a-c].{txt,md}", "files/b.md", true),
            ("files/[!a-c].txt", "files/b.txt", false),
            ("files/\\*", "files/*", true),
            ("", "", true),
            ("[", "[", false),
        ];
        for (pattern, path, want) in table {
            assert_eq!(glob_match(pattern, path), want, "{pattern} {path}");
        }
    }
}
