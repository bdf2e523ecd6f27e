//! Shell patterns: for `.Files.Glob` and `.helmignore`.

use super::meter;

/// Returns whether a path matches a shell pattern with `?`, `*`, `**`, `[a-z]`, `[!a-z]`, `{a,b}` and `\` as escape.
pub(crate) fn glob_match(pattern: &str, path: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let path: Vec<char> = path.chars().collect();
    // Alternatives and stars backtrack. The budget bounds hostile patterns.
    let mut budget = 1_000_000;
    matches(&pattern, &path, &mut budget)
}

fn matches(pattern: &[char], path: &[char], budget: &mut u32) -> bool {
    if *budget == 0 || !meter::spend(8) {
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
