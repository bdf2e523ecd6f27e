//! A template file that is parsed when it is needed, or before that by a thread that has nothing else to do.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::TemplateFault;
use super::functions;
use super::parse::Source;

/// The size of the files that may be parsed ahead, in bytes. A syntax tree takes ten times the memory of its source.
const MAX_AHEAD: usize = 64 << 10;

/// A template file.
pub struct LazySource {
    /// The path of the file, which starts with the name of the chart: `web/templates/deployment.yaml`.
    pub name: String,
    /// The source of the template.
    pub text: Cow<'static, str>,
    ahead: Mutex<Ahead>,
}

enum Ahead {
    Unparsed,
    /// What the other thread found. It is not needed twice, because a file is rendered once.
    Parsed(Box<Result<Source, TemplateFault>>),
    Needed,
}

impl LazySource {
    /// Creates a file, which is not parsed yet.
    pub fn new(name: &str, text: Cow<'static, str>) -> LazySource {
        LazySource {
            name: name.to_owned(),
            text,
            ahead: Mutex::new(Ahead::Unparsed),
        }
    }

    /// Returns whether the file only defines templates for others and has no output of its own.
    pub fn is_partial(&self) -> bool {
        let base = self.name.rsplit('/').next();
        base.is_some_and(|base| base.starts_with('_'))
    }

    /// Returns whether other files may call a part of this one.
    pub fn may_define(&self) -> bool {
        self.is_partial() || self.text.contains("define") || self.text.contains("block")
    }

    /// Parses the file, unless that was done ahead. If another thread is at it, waits for the result.
    pub(super) fn parse(&self) -> Result<Source, TemplateFault> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *ahead, Ahead::Needed);
        drop(ahead);
        match before {
            Ahead::Parsed(parsed) => *parsed,
            Ahead::Unparsed | Ahead::Needed => self.parse_now(),
        }
    }

    /// Parses the file, unless it was needed before.
    pub fn parse_ahead(&self) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*ahead, Ahead::Unparsed) {
            *ahead = Ahead::Parsed(Box::new(self.parse_now()));
        }
    }

    fn parse_now(&self) -> Result<Source, TemplateFault> {
        Source::parse(&self.name, self.text.clone(), &functions::check_name)
    }
}

/// Returns the files that another thread can parse ahead, in that order: first those that all others wait for, and always
/// the last before the first, so that two threads meet in the middle.
pub fn to_parse_ahead(files: &[Arc<LazySource>]) -> Vec<Arc<LazySource>> {
    let (first, then): (Vec<_>, Vec<_>) = files.iter().rev().partition(|file| file.may_define());
    let mut size = 0;
    let fits = |file: &&&Arc<LazySource>| {
        size += file.text.len();
        size <= MAX_AHEAD
    };
    let files = first.iter().chain(&then).take_while(fits);
    files.map(|file| Arc::clone(file)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn file(name: &str, text: String) -> Arc<LazySource> {
        Arc::new(LazySource::new(name, text.into()))
    }

    #[test]
    fn a_file_that_is_parsed_ahead_is_the_same() {
        for text in ["a {{ .Values.b }}", "{{ nope }}", "{{ if }}"] {
            let [now, ahead] = [(); 2].map(|()| file("t/a.yaml", text.to_owned()));
            ahead.parse_ahead();
            let text = |file: &LazySource| format!("{:?}", file.parse());
            assert_eq!(text(&now), text(&ahead));
            // Also if it is needed twice, or parsed ahead too late.
            ahead.parse_ahead();
            assert_eq!(text(&now), text(&ahead));
        }
    }

    #[test]
    fn definitions_are_parsed_ahead_first_and_only_so_much_that_their_trees_fit() {
        let half = "x".repeat(MAX_AHEAD / 2);
        let files = [
            file("t/_a.tpl", "a".to_owned()),
            file("t/a.yaml", half.clone()),
            file("t/b.yaml", "{{ define \"b\" }}{{ end }}".to_owned()),
            file("t/c.yaml", "c".to_owned()),
            file("t/d.yaml", half),
        ];
        let ahead = to_parse_ahead(&files);
        let names: Vec<_> = ahead.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["t/b.yaml", "t/_a.tpl", "t/d.yaml", "t/c.yaml"]);
    }
}
