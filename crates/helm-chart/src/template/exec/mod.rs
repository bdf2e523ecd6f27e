//! Executes the syntax tree of a template: Go's text/template, as Helm sets it up.
//!
//! The crate that parses has an executor as well. It is not used, because charts change dicts in place
//! (`set`) and call methods (`.Files.Get`), and because errors need a file and a line.

mod calls;
mod expressions;
mod methods;
mod scope;
mod times;

use std::rc::Rc;

use gotmpl::parse::{BranchNode, ListNode, Node, Pos, SmolStr};

use super::error::{Location, TemplateFault};
use super::functions;
use super::limits::{MAX_ITERATIONS, MAX_OUTPUT};
use super::meter;
use super::parse::Source;
use super::value::Value;
pub(super) use scope::Scope;
use scope::Template;

/// How the execution of a list of nodes ended.
enum Flow {
    Next,
    Break,
    Continue,
}

type Result<T> = std::result::Result<T, TemplateFault>;

/// The variables of one template call, innermost last.
type Vars = Vec<(SmolStr, Value)>;

/// The state of a rendering.
pub(super) struct Machine {
    scope: Rc<Scope>,
    calls: usize,
    depth: usize,
    max_depth: usize,
    /// The calls so far that created a list or dict from other values.
    nesting_calls: usize,
    /// The iterations of all loops so far.
    iterations: u64,
    context: functions::Context,
}

/// A position in a template. Line and column are computed only for errors.
struct At {
    source: Rc<Source>,
    pos: Pos,
}

impl At {
    fn location(&self) -> Location {
        self.source.location(self.pos)
    }
}

/// The file that is being executed, and its variables.
struct Frame<'f> {
    source: &'f Rc<Source>,
    vars: Vars,
}

impl Frame<'_> {
    fn at(&self, pos: Pos) -> At {
        let source = Rc::clone(self.source);
        At { source, pos }
    }

    /// Assigns an existing variable, or declares one.
    fn assign(&mut self, name: &SmolStr, value: Value, existing: bool) {
        let slot = self
            .vars
            .iter_mut()
            .rev()
            .find(|(n, _)| n == name)
            .filter(|_| existing);
        match slot {
            Some((_, slot)) => *slot = value,
            None => self.vars.push((name.clone(), value)),
        }
    }

    fn variable(&self, pos: Pos, name: &str) -> Result<Value> {
        let found = self.vars.iter().rev().find(|(n, _)| n == name);
        found.map(|(_, value)| value.clone()).ok_or_else(|| {
            let at = self.source.location(pos);
            TemplateFault::new(at, format!("undefined variable {name}"))
        })
    }
}

impl Machine {
    pub fn new(scope: Rc<Scope>, max_depth: usize, context: functions::Context) -> Machine {
        Machine {
            scope,
            calls: 0,
            depth: 0,
            max_depth,
            nesting_calls: 0,
            iterations: 0,
            context,
        }
    }

    /// Renders the template of that name with `dot`. Returns `None` for an unknown template.
    pub fn render(&mut self, name: &str, dot: &Value) -> Option<Result<String>> {
        let template = self.scope.get(name)?;
        // Most manifests are not much longer.
        let mut out = String::with_capacity(4 << 10);
        Some(
            template
                .and_then(|template| self.run(&template, dot, &mut out))
                .map(|()| out),
        )
    }

    fn run(&mut self, template: &Template, dot: &Value, out: &mut String) -> Result<()> {
        let mut frame = Frame {
            source: &template.source,
            vars: vec![(SmolStr::new_static("$"), dot.clone())],
        };
        self.list(&mut frame, &template.body, dot, out).map(|_| ())
    }

    fn list(
        &mut self,
        frame: &mut Frame<'_>,
        list: &ListNode,
        dot: &Value,
        out: &mut String,
    ) -> Result<Flow> {
        for node in &list.nodes {
            match self.node(frame, node, dot, out)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn node(
        &mut self,
        frame: &mut Frame<'_>,
        node: &Node,
        dot: &Value,
        out: &mut String,
    ) -> Result<Flow> {
        match node {
            Node::Text(text) => out.push_str(&text.text),
            Node::Define(_) => {}
            Node::List(list) => return self.list(frame, list, dot, out),
            Node::Break(_) => return Ok(Flow::Break),
            Node::Continue(_) => return Ok(Flow::Continue),
            Node::Action(action) => {
                let value = self.pipe(frame, &action.pipe, dot)?;
                if action.pipe.decl.is_empty() {
                    print(&value, out).map_err(|message| {
                        TemplateFault::new(frame.source.location(action.pos), message)
                    })?;
                }
            }
            Node::If(branch) => {
                let at = frame.at(branch.pos);
                return self.deeper(&at, |m| m.conditional(frame, branch, dot, out, false));
            }
            Node::With(branch) => {
                let at = frame.at(branch.pos);
                return self.deeper(&at, |m| m.conditional(frame, branch, dot, out, true));
            }
            Node::Range(branch) => {
                let at = frame.at(branch.pos);
                return self.deeper(&at, |m| m.range(frame, branch, dot, out));
            }
            Node::Template(call) => {
                let value = match &call.pipe {
                    Some(pipe) => self.pipe(frame, pipe, dot)?,
                    None => Value::Nil,
                };
                let at = frame.at(call.pos);
                self.call(&call.name, &value, out, "template", &at)?;
            }
        }
        if !meter::spend(10) {
            let at = frame.source.location(node_pos(node));
            let message = "the templates take too much work: their values or loops are too large";
            return Err(TemplateFault::new(at, message.to_owned()));
        }
        if out.len() > MAX_OUTPUT {
            let at = frame.source.location(node_pos(node));
            let limit = MAX_OUTPUT >> 20;
            return Err(TemplateFault::new(
                at,
                format!("the output is larger than {limit} MiB"),
            ));
        }
        Ok(Flow::Next)
    }

    fn conditional(
        &mut self,
        frame: &mut Frame<'_>,
        branch: &BranchNode,
        dot: &Value,
        out: &mut String,
        is_with: bool,
    ) -> Result<Flow> {
        let outer = frame.vars.len();
        let value = self.pipe(frame, &branch.pipe, dot)?;
        let flow = if value.is_true() {
            self.list(frame, &branch.body, if is_with { &value } else { dot }, out)
        } else if let Some(other) = &branch.else_body {
            self.list(frame, other, dot, out)
        } else {
            Ok(Flow::Next)
        };
        frame.vars.truncate(outer);
        flow
    }

    fn range(
        &mut self,
        frame: &mut Frame<'_>,
        branch: &BranchNode,
        dot: &Value,
        out: &mut String,
    ) -> Result<Flow> {
        let outer = frame.vars.len();
        let value = self.commands(frame, &branch.pipe, dot)?;
        // In the branch {{else}}, they stand for the whole value.
        for name in &branch.pipe.decl {
            frame.assign(name, value.clone(), branch.pipe.is_assign);
        }
        let fault = |frame: &Frame<'_>, message: String| {
            TemplateFault::new(frame.source.location(branch.pos), message)
        };
        // An item of a list or dict that is not set is nil, but it has no fields.
        let item = |value: &Value| match value {
            Value::Nil => Value::NilField,
            value => value.clone(),
        };
        let items: Box<dyn Iterator<Item = (Value, Value)>> = match &value {
            Value::Nil | Value::NilField => Box::new(std::iter::empty()),
            Value::List(_, items) => {
                Box::new(items.iter().enumerate().map(|(i, v)| (index(i), item(v))))
            }
            Value::Dict(dict) => {
                // Keys that the body adds or removes do not change the loop.
                let entries: Vec<_> = dict
                    .borrow()
                    .iter()
                    .map(|(k, v)| (Value::Str(Rc::clone(k)), item(v)))
                    .collect();
                Box::new(entries.into_iter())
            }
            Value::Texts(texts) => Box::new(
                texts
                    .iter()
                    .map(|(k, v)| (Value::Str(Rc::clone(k)), Value::Str(Rc::clone(v)))),
            ),
            Value::ByteSlice(bytes) => Box::new(
                bytes
                    .iter()
                    .enumerate()
                    .map(|(i, byte)| (index(i), Value::Byte(*byte))),
            ),
            Value::Files(files) => Box::new(
                files
                    .iter()
                    .map(|(name, bytes)| (Value::str(name), Value::ByteSlice(bytes.into()))),
            ),
            Value::ApiVersions(versions) => Box::new(
                versions
                    .iter()
                    .enumerate()
                    .map(|(i, v)| (index(i), Value::Str(Rc::clone(v)))),
            ),
            Value::Int(n) if branch.pipe.decl.len() < 2 => {
                Box::new((0..*n).map(|i| (Value::Nil, Value::Int(i))))
            }
            Value::Int64(n) if branch.pipe.decl.len() < 2 => {
                Box::new((0..*n).map(|i| (Value::Nil, Value::Int64(i))))
            }
            Value::Duration(n) if branch.pipe.decl.len() < 2 => {
                Box::new((0..*n).map(|i| (Value::Nil, Value::Duration(i))))
            }
            Value::Uint64(n) if branch.pipe.decl.len() < 2 => {
                Box::new((0..*n).map(|i| (Value::Nil, Value::Uint64(i))))
            }
            Value::Byte(n) if branch.pipe.decl.len() < 2 => {
                Box::new((0..*n).map(|i| (Value::Nil, Value::Byte(i))))
            }
            Value::Int(_)
            | Value::Int64(_)
            | Value::Duration(_)
            | Value::Uint64(_)
            | Value::Byte(_) => {
                let message = format!("a loop over a number ({value}) takes one variable, not two");
                return Err(fault(frame, message));
            }
            other => {
                let message = format!("cannot loop over {other:?}, a {}", other.kind());
                return Err(fault(frame, message));
            }
        };
        let mut any = false;
        for (key, item) in items {
            any = true;
            self.iterations += 1;
            if self.iterations > MAX_ITERATIONS || !meter::spend(100) {
                let message =
                    format!("all loops together have more than {MAX_ITERATIONS} iterations");
                return Err(fault(frame, message));
            }
            let scope = frame.vars.len();
            let bound: Vec<Value> = match branch.pipe.decl.len() {
                0 => Vec::new(),
                1 => vec![item.clone()],
                _ => vec![key, item.clone()],
            };
            for (name, value) in branch.pipe.decl.iter().zip(bound) {
                frame.assign(name, value, branch.pipe.is_assign);
            }
            let flow = self.list(frame, &branch.body, &item, out)?;
            frame.vars.truncate(scope);
            if matches!(flow, Flow::Break) {
                break;
            }
        }
        let flow = match &branch.else_body {
            Some(other) if !any => self.list(frame, other, dot, out),
            _ => Ok(Flow::Next),
        };
        frame.vars.truncate(outer);
        flow
    }
}

/// What an action prints for `nil`. As in Helm, it is removed from the output of files and of `tpl`, but not from that
/// of `include`.
pub(super) const NO_VALUE: &str = "<no value>";

fn print(value: &Value, out: &mut String) -> std::result::Result<(), String> {
    use std::fmt::Write as _;
    match value {
        Value::Nil | Value::NilField => out.push_str(NO_VALUE),
        Value::Bytes(_) => {
            return Err("not UTF-8 text; encode it, for instance with b64enc".to_owned());
        }
        value => _ = write!(out, "{value}"),
    }
    Ok(())
}

fn node_pos(node: &Node) -> Pos {
    match node {
        Node::List(n) => n.pos,
        Node::Text(n) => n.pos,
        Node::Action(n) => n.pos,
        Node::If(n) | Node::With(n) | Node::Range(n) => n.pos,
        Node::Template(n) => n.pos,
        Node::Define(n) => n.pos,
        Node::Break(pos) | Node::Continue(pos) => *pos,
    }
}

fn index(i: usize) -> Value {
    Value::Int(i64::try_from(i).unwrap_or(i64::MAX))
}
