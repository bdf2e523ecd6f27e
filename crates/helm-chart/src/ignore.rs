//! The rules of a `.helmignore` file, with the patterns of Go's `filepath.Match`.

/// The rules of a `.helmignore` file, in its order.
pub(super) struct Ignore(Vec<Rule>);

struct Rule {
    pattern: Pattern,
    negated: bool,
    only_folders: bool,
    /// Whether the rule is matched against the whole path instead of its last part.
    whole_path: bool,
}

impl Ignore {
    /// Parses the text of a `.helmignore` file and adds Helm's own rule: files under `templates/` that start with a dot
    /// are ignored.
    ///
    /// # Errors
    /// The line, counted from 1, and the reason.
    pub fn parse(text: &str) -> Result<Ignore, (usize, String)> {
        let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
        let mut rules = Vec::new();
        for (i, line) in lines.enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            rules.push(Rule::parse(line).map_err(|message| (i + 1, message))?);
        }
        rules.extend(Rule::parse("templates/.?*"));
        Ok(Ignore(rules))
    }

    /// Returns whether a file or folder is left out. The path is the one inside the chart.
    pub fn ignores(&self, path: &str, is_folder: bool) -> bool {
        for rule in &self.0 {
            let applies = !rule.only_folders || is_folder;
            if rule.negated {
                // As in Helm: a negated rule ignores everything that it does not match.
                if !applies || !rule.matches(path) {
                    return true;
                }
            } else if applies && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Rule, String> {
        if line.contains("**") {
            return Err(format!("{line:?}: ** is not supported"));
        }
        let (negated, rest) = line
            .strip_prefix('!')
            .map_or((false, line), |rest| (true, rest));
        let (only_folders, rest) = rest
            .strip_suffix('/')
            .map_or((false, rest), |rest| (true, rest));
        let whole_path = rest.contains('/');
        let pattern = Pattern::parse(rest.strip_prefix('/').unwrap_or(rest))
            .ok_or_else(|| format!("{line:?} is not a valid pattern"))?;
        Ok(Rule {
            pattern,
            negated,
            only_folders,
            whole_path,
        })
    }

    fn matches(&self, path: &str) -> bool {
        let subject = match self.whole_path {
            true => path,
            false => path.rsplit('/').next().unwrap_or(path),
        };
        self.pattern.matches(subject)
    }
}

/// A pattern of Go's `filepath.Match`: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before a character that stands for itself.
struct Pattern(Vec<Token>);

enum Token {
    /// `*`: any number of characters that are not `/`.
    Star,
    /// `?`: one character that is not `/`.
    Any,
    Char(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// Parses a pattern. Returns `None` if a class is not closed or empty, or if nothing follows a `\`.
    fn parse(text: &str) -> Option<Pattern> {
        let mut chars = text.chars().peekable();
        let mut tokens = Vec::new();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' => Token::Star,
                '?' => Token::Any,
                '\\' => Token::Char(chars.next()?),
                '[' => {
                    let negated = chars.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    while ranges.is_empty() || chars.next_if_eq(&']').is_none() {
                        let low = class_char(&mut chars)?;
                        let high = match chars.next_if_eq(&'-') {
                            Some(_) => class_char(&mut chars)?,
                            None => low,
                        };
                        ranges.push((low, high));
                    }
                    Token::Class { negated, ranges }
                }
                c => Token::Char(c),
            });
        }
        Some(Pattern(tokens))
    }

    fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        let (mut token, mut at) = (0, 0);
        // The last star, and where what follows it is tried next.
        let mut star: Option<(usize, usize)> = None;
        loop {
            let fits = match (self.0.get(token), path.get(at)) {
                (None, None) => return true,
                (Some(Token::Star), _) => {
                    star = Some((token, at));
                    token += 1;
                    continue;
                }
                (Some(Token::Any), Some(c)) => *c != '/',
                (Some(Token::Char(wanted)), Some(c)) => wanted == c,
                (Some(Token::Class { negated, ranges }), Some(c)) => {
                    let found = ranges.iter().any(|(low, high)| (low..=high).contains(&c));
                    found != *negated
                }
                _ => false,
            };
            if fits {
                (token, at) = (token + 1, at + 1);
                continue;
            }
            match star {
                Some((star_token, from)) if path.get(from).is_some_and(|c| *c != '/') => {
                    star = Some((star_token, from + 1));
                    (token, at) = (star_token + 1, from + 1);
                }
                _ => return false,
            }
        }
    }
}

/// Reads a character of a class. Neither `-` nor `]` stands for itself.
fn class_char(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rules_match_as_in_helm() {
        let rules = Ignore::parse("*.bak\n# comment\n\n docs/ \n/top.txt\nsub/*.md\n").unwrap();
        let table = [
            ("a.bak", false, true),
            ("x/a.bak", false, true),
            ("docs", true, true),
            ("docs", false, false),
            ("top.txt", false, true),
            ("x/top.txt", false, false),
            ("sub/a.md", false, true),
            ("sub/x/a.md", false, false),
            ("templates/.hidden", false, true),
            ("templates/.", false, false),
        ];
        for (path, is_folder, want) in table {
            assert_eq!(rules.ignores(path, is_folder), want, "{path}");
        }
    }

    #[test]
    fn a_negated_rule_ignores_what_it_does_not_match() {
        let rules = Ignore::parse("!*.yaml\n").unwrap();
        assert!(!rules.ignores("Chart.yaml", false));
        assert!(rules.ignores("readme.md", false));
        assert!(rules.ignores("templates", true));
    }

    /// The syntax of <https://pkg.go.dev/path/filepath#Match>.
    #[test]
    fn patterns_match_as_in_go() {
        let table = [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*", "ab/c", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^c]", "abc", false),
            ("ab[^e-g]", "abc", true),
            // An exclamation mark and braces have no meaning.
            ("a[!b]", "a!", true),
            ("a[!b]", "ac", false),
            ("*.{bak,md}", "a.bak", false),
            ("*.{bak,md}", "a.{bak,md}", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("a?b", "a/b", false),
            // A class, unlike ? and *, matches a slash.
            ("a[^b]b", "a/b", true),
            ("[\\]a]", "]", true),
            ("[\\-]", "-", true),
            ("[x\\-]", "-", true),
            ("[\\-x]", "z", false),
            ("[z-a]", "b", false),
            ("[[*]", "*", true),
            ("*x", "xxx", true),
            ("", "", true),
            ("", "a", false),
        ];
        for (pattern, path, want) in table {
            let found = Pattern::parse(pattern).map(|p| p.matches(path));
            assert_eq!(found, Some(want), "{pattern} {path}");
        }
    }

    #[test]
    fn invalid_patterns_are_refused_with_their_line() {
        for pattern in [
            "[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "a\\", "[]", "a/**",
            "[a\\",
        ] {
            let result = Ignore::parse(&format!("*.bak\n{pattern}\n"));
            assert_eq!(result.err().map(|(line, _)| line), Some(2), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_with_many_stars_is_matched_in_time() {
        let pattern = Pattern::parse(&"*a".repeat(100)).unwrap();
        assert!(!pattern.matches(&"a".repeat(10_000).replace("aaaaaaaa", "aaaaaaab")));
    }
}
