//! A chart's `values.schema.json`: JSON Schema, drafts 4, 6, 7, 2019-09 and 2020-12.
//!
//! The checker is the crate `boon`, written by the author of the Go library that Helm uses. This module
//! sets it up as Helm does and turns its errors into [`Violation`]s. As in Helm, a schema without
//! `$schema` is read as draft 2020-12, and `format` is asserted up to draft 7 only.

mod changes;
mod formats;
mod multiple;
mod patterns;
mod violations;
mod work;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};

use boon::{CompileError, Compiler, SchemaIndex, Schemas, UrlLoader};
use serde_json::Value;

use crate::error::Violation;
use crate::json;

/// The URL that Helm gives to every schema. Relative references are resolved against it.
const URL: &str = "file:///values.schema.json";
/// The URL of a schema that is known to be valid: the checker trusts those of this host, which saves compiling the
/// metaschemas (most of the time that a small schema takes).
const TRUSTED_URL: &str = "https://json-schema.org/values.schema.json";

/// Maximum depth of values that can be checked. Every level takes stack.
const MAX_DEPTH: usize = 500;
/// Up to this depth, and with at most [`FEW_REFERENCES`], the stack of any thread is enough.
const SHALLOW_DEPTH: usize = 16;
const FEW_REFERENCES: usize = 256;
/// Stack size for everything else, in bytes. Only the pages that are touched take memory.
const STACK_BYTES: usize = 256 << 20;

/// A `values.schema.json`. It is compiled at most once; clones share the result.
#[derive(Clone)]
pub struct Schema {
    text: Cow<'static, str>,
    compiled: Arc<OnceLock<Result<Compiled, SchemaError>>>,
}

struct Compiled {
    /// The schema as JSON, for suggestions that the errors of the checker do not contain.
    document: Value,
    schemas: Schemas,
    root: SchemaIndex,
    /// The number of references in the schema. Each can be a step that takes stack.
    references: usize,
}

/// An invalid or unsupported schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct SchemaError {
    /// 1-based line and column, if the schema is not JSON.
    pub position: Option<(usize, usize)>,
    /// The reason.
    pub message: String,
}

impl SchemaError {
    fn new(message: impl Into<String>) -> SchemaError {
        SchemaError {
            position: None,
            message: message.into(),
        }
    }
}

impl Schema {
    /// Creates a schema from its text, which is parsed when values are checked.
    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Schema {
        Schema {
            text: text.into(),
            compiled: Arc::default(),
        }
    }

    /// Returns the text of the schema.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns everything in `values` that the schema does not allow.
    ///
    /// # Errors
    /// A text that is not JSON, a schema that its own draft does not allow, or a `$ref` to another document.
    /// (Helm loads `file:` and `http:` references. Here they are refused, because what a chart accepts must
    /// not depend on the machine or on the network.)
    pub(crate) fn check(&self, values: &Value) -> Result<Vec<Violation>, SchemaError> {
        self.compiled()?.check_deep(values)
    }

    /// Returns everything in `values` that the schema does not allow, where it is known to be valid itself and to allow
    /// `valid`: judges only what is different, which takes a small part of the time.
    ///
    /// # Errors
    /// As [`Schema::check`].
    pub(crate) fn check_changes(
        &self,
        values: &Value,
        valid: &Value,
    ) -> Result<Vec<Violation>, SchemaError> {
        if values == valid {
            return Ok(Vec::new());
        }
        let document = parse(&self.text)?;
        match changes::of_changes(&document, values, valid) {
            None => self.check(values),
            Some(changes) => Compiled::new(changes, TRUSTED_URL)?.check_deep(values),
        }
    }

    fn compiled(&self) -> Result<&Compiled, SchemaError> {
        let compiled = || Compiled::new(parse(&self.text)?, URL);
        let compiled = self.compiled.get_or_init(compiled);
        compiled.as_ref().map_err(Clone::clone)
    }
}

fn parse(text: &str) -> Result<Value, SchemaError> {
    serde_json::from_str(text).map_err(|error| SchemaError {
        position: Some(json::position_of(text, &error)),
        message: format!("the schema is not JSON: {}", json::reason(&error)),
    })
}

impl Compiled {
    fn new(document: Value, url: &str) -> Result<Compiled, SchemaError> {
        let mut compiler = Compiler::new();
        compiler.use_loader(Box::new(OnlyUrns));
        formats::register(&mut compiler);
        let mut schemas = Schemas::new();
        let refused = |error: CompileError| SchemaError::new(describe(&error, &document));
        compiler
            .add_resource(url, patterns::convert(&document)?)
            .map_err(refused)?;
        let root = compiler.compile(url, &mut schemas).map_err(refused)?;
        Ok(Compiled {
            references: count_references(&document),
            document,
            schemas,
            root,
        })
    }

    /// Checks values, on a thread with a large stack if they nest deeply.
    fn check_deep(&self, values: &Value) -> Result<Vec<Violation>, SchemaError> {
        let depth = depth(values);
        if depth > MAX_DEPTH {
            let message =
                format!("values that nest more than {MAX_DEPTH} levels deep cannot be checked");
            return Ok(vec![Violation::of_all(message)]);
        }
        if depth <= SHALLOW_DEPTH && self.references <= FEW_REFERENCES {
            return self.check(values);
        }
        // Starting a thread costs time, so only deeply nested values and schemas get one.
        std::thread::scope(|scope| {
            let worker = std::thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, || self.check(values))
                .map_err(|e| SchemaError::new(format!("cannot start a thread: {e}")))?;
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn check(&self, values: &Value) -> Result<Vec<Violation>, SchemaError> {
        work::check(&self.document, values)?;
        Ok(match self.schemas.validate(values, self.root) {
            Ok(()) => Vec::new(),
            Err(error) => violations::list(&error, values, &self.document),
        })
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Schema) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.text).finish()
    }
}

/// Loads nothing from outside. As in Helm, an unknown URN stands for a schema that allows everything.
struct OnlyUrns;

impl UrlLoader for OnlyUrns {
    fn load(&self, url: &str) -> Result<Value, Box<dyn Error>> {
        match url.starts_with("urn:") {
            true => Ok(Value::Bool(true)),
            false => Err("other documents are not loaded".into()),
        }
    }
}

fn describe(error: &CompileError, document: &Value) -> String {
    match error {
        CompileError::LoadUrlError { url, .. } | CompileError::UnsupportedUrlScheme { url } => {
            format!(
                "the schema refers to {url:?}: only references within the schema are supported \
                 (copy that document into its $defs)"
            )
        }
        CompileError::ValidationError { src, .. } => {
            let list = violations::list(src, document, &Value::Null);
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            format!("the schema is not valid: {}", list.join("; "))
        }
        CompileError::InvalidRegex { regex, src, .. } => {
            let reason = violations::last_line(src.as_ref());
            format!("the schema is not valid: {regex:?} is not a valid regex ({reason})")
        }
        other => format!("the schema is not valid: {other:#}")
            .replace(URL, "")
            .replace(TRUSTED_URL, ""),
    }
}

/// Returns the maximum depth of lists and maps.
fn depth(value: &Value) -> usize {
    let inside =
        |values: &mut dyn Iterator<Item = &Value>| values.map(depth).max().unwrap_or_default();
    match value {
        Value::Array(items) => 1 + inside(&mut items.iter()),
        Value::Object(map) => 1 + inside(&mut map.values()),
        _ => 0,
    }
}

fn count_references(schema: &Value) -> usize {
    match schema {
        Value::Array(items) => items.iter().map(count_references).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                usize::from(key.ends_with("Ref") || key == "$ref") + count_references(value)
            })
            .sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
