//! Calls of templates (`template`, `include`, `tpl`), with limits on how deeply they nest.

use std::rc::Rc;
use std::sync::Arc;

use super::super::error::TemplateFault;
use super::super::functions;
use super::super::limits::{MAX_CALLS, MAX_DEPTH};
use super::super::meter;
use super::super::parse::Source;
use super::super::value::Value;
use super::scope::{Scope, Template};
use super::{At, Machine, NO_VALUE, Result};

impl Machine {
    /// Runs `body` one level deeper, or fails if that is too deep.
    pub(super) fn deeper<T>(
        &mut self,
        at: &At,
        body: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.depth >= self.max_depth {
            let message = format!("more than {MAX_DEPTH} blocks and calls are nested here");
            let mut fault = TemplateFault::new(at.location(), message);
            fault.needs_stack = self.max_depth < MAX_DEPTH;
            return Err(fault);
        }
        self.depth += 1;
        let result = body(self);
        self.depth -= 1;
        result
    }

    /// Calls a template by name and counts the nested calls.
    pub(super) fn call(
        &mut self,
        name: &str,
        dot: &Value,
        out: &mut String,
        how: &str,
        at: &At,
    ) -> Result<()> {
        let Some(template) = self.scope.get(name) else {
            let near = crate::nearest::nearest(name, self.scope.names())
                .map(|near| format!("; did you mean {near:?}?"))
                .unwrap_or_default();
            let message = format!("unknown template {name:?}{near}");
            return Err(TemplateFault::new(at.location(), message));
        };
        let template = template?;
        if self.calls >= MAX_CALLS {
            return Err(TemplateFault::new(
                at.location(),
                format!(
                    "{how} {name:?}: more than {MAX_CALLS} calls are nested; it calls itself without end"
                ),
            ));
        }
        self.calls += 1;
        meter::spend_template("");
        let result = self.deeper(at, |m| m.run(&template, dot, out));
        self.calls -= 1;
        result.map_err(|mut fault| {
            fault
                .through
                .push((format!("{how} {name:?}"), at.location()));
            fault
        })
    }

    /// The function `include`: the output of a template.
    pub(super) fn include(&mut self, name: &str, dot: &Value, at: &At) -> Result<Value> {
        let mut out = String::new();
        self.call(name, dot, &mut out, "include", at)?;
        meter::spend_output(&out);
        Ok(Value::from(out))
    }

    /// The function `tpl`: the output of a string that is run as a template.
    pub(super) fn tpl(&mut self, text: &str, dot: &Value, at: &At) -> Result<Value> {
        if self.calls >= MAX_CALLS {
            return Err(TemplateFault::new(
                at.location(),
                format!("tpl: more than {MAX_CALLS} calls are nested; it calls itself without end"),
            ));
        }
        meter::spend_template(text);
        let through = |mut fault: TemplateFault| {
            fault.through.push(("tpl".to_owned(), at.location()));
            fault
        };
        let here = at.location();
        // A nested call of tpl names the file, too.
        let outer = here.file.split(" (text ").next().unwrap_or(&here.file);
        let file = format!("{outer} (text given to tpl at line {})", here.line);
        let source = Source::parse(&file, text.to_owned().into(), &functions::check_name);
        let source = Rc::new(source.map_err(through)?);
        let mut inner = Scope::inside(Rc::clone(&self.scope));
        inner.add(&source, &file);
        let template = Template {
            source: Rc::clone(&source),
            body: Arc::clone(&source.body),
        };
        let outer = std::mem::replace(&mut self.scope, Rc::new(inner));
        self.calls += 1;
        let mut out = String::new();
        let result = self.deeper(at, |m| m.run(&template, dot, &mut out));
        self.calls -= 1;
        self.scope = outer;
        result
            .map_err(through)
            .map(|()| Value::from(out.replace(NO_VALUE, "")))
    }
}
