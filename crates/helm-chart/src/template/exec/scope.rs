//! The templates that can be called, by name.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use gotmpl::parse::ListNode;

use super::super::lazy::LazySource;
use super::super::parse::Source;
use super::Result;

/// A template that can be called by name.
#[derive(Clone)]
pub(super) struct Template {
    pub source: Rc<Source>,
    pub body: Arc<ListNode>,
}

impl From<Source> for Template {
    /// Returns the template that a file itself is.
    fn from(source: Source) -> Template {
        let body = Arc::clone(&source.body);
        let source = Rc::new(source);
        Template { source, body }
    }
}

/// Templates by name. Those that a `tpl` text defines are visible only inside that text.
#[derive(Default)]
pub(in super::super) struct Scope {
    parent: Option<Rc<Scope>>,
    own: HashMap<String, Template>,
    /// Files without definitions by name.
    unparsed: HashMap<String, Arc<LazySource>>,
}

impl Scope {
    /// Creates an empty scope inside another one.
    pub(super) fn inside(parent: Rc<Scope>) -> Scope {
        Scope {
            parent: Some(parent),
            ..Scope::default()
        }
    }

    /// Returns the template of that name; parses it if that has not been done yet.
    pub(super) fn get(&self, name: &str) -> Option<Result<Template>> {
        if let Some(template) = self.own.get(name) {
            return Some(Ok(template.clone()));
        }
        match self.unparsed.get(name) {
            Some(file) => Some(file.parse().map(Template::from)),
            None => self.parent.as_deref()?.get(name),
        }
    }

    /// Returns whether a template of that name exists.
    pub fn has(&self, name: &str) -> bool {
        self.own.contains_key(name)
            || self.unparsed.contains_key(name)
            || self
                .parent
                .as_deref()
                .is_some_and(|parent| parent.has(name))
    }

    /// Adds the body of a file under the file's name, and its `define`s.
    ///
    /// A later definition replaces an earlier one unless it is empty (text/template, "Nested
    /// template definitions").
    pub fn add(&mut self, source: &Rc<Source>, name: &str) {
        let defines = source
            .defines
            .iter()
            .map(|(name, body)| (name.as_str(), body));
        for (name, body) in defines.chain([(name, &source.body)]) {
            if body.is_empty_tree() && self.has(name) {
                continue;
            }
            let template = Template {
                source: Rc::clone(source),
                body: Arc::clone(body),
            };
            self.own.insert(name.to_owned(), template);
        }
    }

    /// Adds a file without definitions. It is not parsed yet.
    pub fn add_unparsed(&mut self, file: Arc<LazySource>) {
        self.unparsed.insert(file.name.clone(), file);
    }

    /// Returns the names of all templates, for suggestions.
    pub(super) fn names(&self) -> Vec<&str> {
        let own = self.own.keys().chain(self.unparsed.keys());
        let mut names: Vec<&str> = own.map(String::as_str).collect();
        names.extend(self.parent.as_deref().map(Scope::names).unwrap_or_default());
        names
    }
}
