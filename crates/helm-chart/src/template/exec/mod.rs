//! Executes the syntax tree of a template (Go's text/template, as helm sets it up).
//!
//! The crate that parses has an executor too; it is not used because charts change dicts in place
//! (`set`), call methods (`.Files.Get`), and need to be told file and line of what went wrong.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use gotmpl::parse::{
    BranchNode, CommandNode, Expr, ListNode, Node, Number, PipeNode, Pos, SmolStr,
};

use super::error::{Location, TemplateFault};
use super::functions;
use super::lookups::Lookups;
use super::parse::Source;
use super::value::Value;

/// How many calls (`include`, `template`, `tpl`) may be under way at once, as in helm.
const MAX_CALLS: usize = 1000;
/// How many blocks, calls and parentheses may be under way at once: each takes stack.
pub(super) const MAX_DEPTH: usize = 6000;
/// What fits on the stack of any thread, also of the main one, and is enough for all but odd charts.
pub(super) const SHALLOW_DEPTH: usize = 100;
/// Stack for [`MAX_DEPTH`]; only what is touched takes memory.
pub(super) const STACK_BYTES: usize = 256 << 20;
/// How many lists and dicts may be made of others: each can be a level deeper than the last, and
/// whatever walks a value takes stack for each level.
const MAX_MADE: usize = 50_000;
/// The same on the stack that any thread has.
const SHALLOW_MADE: usize = 1000;
/// How many rounds all loops of one rendering may make together.
const MAX_ROUNDS: u64 = 10_000_000;
/// The longest string, in bytes.
pub(super) const MAX_OUTPUT: usize = 64 << 20;

/// A template that can be called by name.
#[derive(Clone)]
pub(super) struct Template {
    pub source: Rc<Source>,
    pub body: Arc<ListNode>,
}

impl Template {
    /// A file's own text.
    fn of(source: Source) -> Template {
        let body = Arc::clone(&source.body);
        let source = Rc::new(source);
        Template { source, body }
    }
}

/// Templates by name; those defined inside of a `tpl` text are seen there only.
#[derive(Default)]
pub(super) struct Scope {
    parent: Option<Rc<Scope>>,
    own: HashMap<String, Template>,
    /// Files that define nothing for others, to be parsed when their turn comes: text by name.
    unread: HashMap<String, Cow<'static, str>>,
}

impl Scope {
    fn inside(parent: Rc<Scope>) -> Scope {
        Scope {
            parent: Some(parent),
            ..Scope::default()
        }
    }

    fn get(&self, name: &str) -> Option<Result<Template>> {
        if let Some(template) = self.own.get(name) {
            return Some(Ok(template.clone()));
        }
        match self.unread.get(name) {
            Some(text) => {
                Some(Source::parse(name, text.clone(), &functions::exists).map(Template::of))
            }
            None => self.parent.as_deref()?.get(name),
        }
    }

    /// Whether there is a template of that name.
    pub fn has(&self, name: &str) -> bool {
        self.own.contains_key(name)
            || self.unread.contains_key(name)
            || self
                .parent
                .as_deref()
                .is_some_and(|parent| parent.has(name))
    }

    /// Adds a file's body under its own name, and its `define`s.
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

    /// Adds a file that defines nothing, without parsing it.
    pub fn add_unread(&mut self, name: &str, text: Cow<'static, str>) {
        self.unread.insert(name.to_owned(), text);
    }

    fn names(&self) -> Vec<&str> {
        let own = self.own.keys().chain(self.unread.keys());
        let mut names: Vec<&str> = own.map(String::as_str).collect();
        names.extend(self.parent.as_deref().map(Scope::names).unwrap_or_default());
        names
    }
}

/// How a list of nodes ended.
enum Flow {
    Next,
    Break,
    Continue,
}

type Result<T> = std::result::Result<T, TemplateFault>;

/// The variables of one template call, innermost last.
type Vars = Vec<(SmolStr, Value)>;

/// A rendering that is under way.
pub(super) struct Machine {
    scope: Rc<Scope>,
    calls: usize,
    depth: usize,
    max_depth: usize,
    /// How many lists and dicts functions have made of others.
    made: usize,
    rounds: u64,
    patterns: HashMap<String, regex_lite::Regex>,
    /// What is known of a cluster.
    pub(super) lookups: Lookups,
}

/// A place in a template; line and column are worked out only when something is to be said of it.
struct At {
    source: Rc<Source>,
    pos: Pos,
}

impl At {
    fn location(&self) -> Location {
        self.source.location(self.pos)
    }
}

/// What evaluation is about at the moment: the file and its variables.
struct Frame<'f> {
    source: &'f Rc<Source>,
    vars: Vars,
}

impl Frame<'_> {
    fn at(&self, pos: Pos) -> At {
        let source = Rc::clone(self.source);
        At { source, pos }
    }
}

impl Machine {
    pub fn new(scope: Rc<Scope>, max_depth: usize, lookups: Lookups) -> Machine {
        Machine {
            scope,
            calls: 0,
            depth: 0,
            max_depth,
            made: 0,
            rounds: 0,
            patterns: HashMap::new(),
            lookups,
        }
    }

    /// Renders the template of that name with `dot`.
    ///
    /// `None` for an unknown template.
    pub fn render(&mut self, name: &str, dot: &Value) -> Option<Result<String>> {
        let template = self.scope.get(name)?;
        let mut out = String::new();
        Some(
            template
                .and_then(|template| self.run(&template, dot, &mut out))
                .map(|()| out),
        )
    }

    /// A regular expression, compiled once a rendering.
    pub fn pattern(&mut self, pattern: &str) -> std::result::Result<&regex_lite::Regex, String> {
        if !self.patterns.contains_key(pattern) {
            let regex = regex_lite::Regex::new(pattern)
                .map_err(|error| format!("{pattern:?} is not a regular expression: {error}"))?;
            self.patterns.insert(pattern.to_owned(), regex);
        }
        self.patterns.get(pattern).ok_or_else(|| pattern.to_owned())
    }

    fn run(&mut self, template: &Template, dot: &Value, out: &mut String) -> Result<()> {
        let mut frame = Frame {
            source: &template.source,
            vars: vec![(SmolStr::new_static("$"), dot.clone())],
        };
        self.list(&mut frame, &template.body, dot, out).map(|_| ())
    }

    /// Runs `body` one level deeper, or says that it is too deep.
    fn deeper<T>(&mut self, at: &At, body: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
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

    /// Calls a template by name, counting the calls that are under way.
    fn call(
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
        let result = self.deeper(at, |m| m.run(&template, dot, out));
        self.calls -= 1;
        result.map_err(|mut fault| {
            fault
                .through
                .push((format!("{how} {name:?}"), at.location()));
            fault
        })
    }

    fn include(&mut self, name: &str, dot: &Value, at: &At) -> Result<Value> {
        let mut out = String::new();
        self.call(name, dot, &mut out, "include", at)?;
        Ok(Value::from(out))
    }

    fn tpl(&mut self, text: &str, dot: &Value, at: &At) -> Result<Value> {
        if self.calls >= MAX_CALLS {
            return Err(TemplateFault::new(
                at.location(),
                format!("tpl: more than {MAX_CALLS} calls are nested; it calls itself without end"),
            ));
        }
        let through = |mut fault: TemplateFault| {
            fault.through.push(("tpl".to_owned(), at.location()));
            fault
        };
        let here = at.location();
        // A nested call of tpl names the file, too.
        let outer = here.file.split(" (text ").next().unwrap_or(&here.file);
        let file = format!("{outer} (text given to tpl at line {})", here.line);
        let source = Rc::new(
            Source::parse(&file, text.to_owned().into(), &functions::exists).map_err(through)?,
        );
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
        let fault = |frame: &Frame<'_>, message: String| {
            TemplateFault::new(frame.source.location(branch.pos), message)
        };
        let items: Box<dyn Iterator<Item = (Value, Value)>> = match &value {
            Value::Nil => Box::new(std::iter::empty()),
            Value::List(items) => {
                Box::new(items.iter().enumerate().map(|(i, v)| (index(i), v.clone())))
            }
            Value::Dict(dict) => {
                // What the body adds or removes does not change the loop.
                let entries: Vec<_> = dict
                    .borrow()
                    .iter()
                    .map(|(k, v)| (Value::Str(Rc::clone(k)), v.clone()))
                    .collect();
                Box::new(entries.into_iter())
            }
            Value::Files(files) => Box::new(
                files
                    .iter()
                    .map(|(name, bytes)| (Value::str(name), Value::text(bytes))),
            ),
            Value::ApiVersions(versions) => Box::new(
                versions
                    .iter()
                    .enumerate()
                    .map(|(i, v)| (index(i), Value::Str(Rc::clone(v)))),
            ),
            Value::Int(n) if branch.pipe.decl.len() < 2 => {
                Box::new((0..*n).map(|i| (Value::Int(i), Value::Int(i))))
            }
            Value::Int(_) => {
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
            self.rounds += 1;
            if self.rounds > MAX_ROUNDS {
                let message = format!("all loops together make more than {MAX_ROUNDS} rounds");
                return Err(fault(frame, message));
            }
            let scope = frame.vars.len();
            let bound: Vec<Value> = match branch.pipe.decl.len() {
                0 => Vec::new(),
                1 => vec![item.clone()],
                _ => vec![key, item.clone()],
            };
            for (name, value) in branch.pipe.decl.iter().zip(bound) {
                assign(frame, name, value, branch.pipe.is_assign);
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

    /// Evaluates a pipeline and binds its variable, if it declares one.
    fn pipe(&mut self, frame: &mut Frame<'_>, pipe: &PipeNode, dot: &Value) -> Result<Value> {
        let value = self.commands(frame, pipe, dot)?;
        for name in &pipe.decl {
            assign(frame, name, value.clone(), pipe.is_assign);
        }
        Ok(value)
    }

    fn commands(&mut self, frame: &mut Frame<'_>, pipe: &PipeNode, dot: &Value) -> Result<Value> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(frame, command, dot, value)?);
        }
        Ok(value.unwrap_or(Value::Nil))
    }

    fn command(
        &mut self,
        frame: &mut Frame<'_>,
        command: &CommandNode,
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value> {
        let Some((first, rest)) = command.args.split_first() else {
            return Ok(piped.unwrap_or(Value::Nil));
        };
        match first {
            Expr::Identifier(pos, name) => self.function(frame, *pos, name, rest, dot, piped),
            Expr::Chain(_, inner, fields)
                if matches!(**inner, Expr::Identifier(..))
                    && rest.is_empty()
                    && piped.is_none() =>
            {
                let Expr::Identifier(pos, name) = &**inner else {
                    return Ok(Value::Nil);
                };
                let value = self.function(frame, *pos, name, &[], dot, None)?;
                self.fields(frame, *pos, value, fields)
            }
            _ if rest.is_empty() && piped.is_none() => match first {
                Expr::Nil(pos) => Err(TemplateFault::new(
                    frame.source.location(*pos),
                    "nil is not a command: it can only be an argument",
                )),
                _ => self.expr(frame, first, dot),
            },
            Expr::Field(pos, fields) => {
                self.method(frame, *pos, dot.clone(), fields, rest, dot, piped)
            }
            Expr::Variable(pos, name, fields) => {
                let value = variable(frame, *pos, name)?;
                self.method(frame, *pos, value, fields, rest, dot, piped)
            }
            Expr::Chain(pos, inner, fields) => {
                let value = self.expr(frame, inner, dot)?;
                self.method(frame, *pos, value, fields, rest, dot, piped)
            }
            other => Err(TemplateFault::new(
                frame.source.location(other.pos()),
                "only functions and methods take arguments",
            )),
        }
    }

    /// The last name of a chain is called with arguments.
    #[allow(clippy::too_many_arguments)]
    fn method(
        &mut self,
        frame: &mut Frame<'_>,
        pos: Pos,
        receiver: Value,
        fields: &[SmolStr],
        args: &[Expr],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value> {
        let fault = |frame: &Frame<'_>, message: String| {
            TemplateFault::new(frame.source.location(pos), message)
        };
        let Some((method, path)) = fields.split_last() else {
            let message = format!("{receiver:?} is not a function and takes no arguments");
            return Err(fault(frame, message));
        };
        let receiver = self.fields(frame, pos, receiver, path)?;
        let values = self.arguments(frame, args, dot, piped)?;
        let result = call_method(&receiver, method, &values);
        if let (Value::ApiVersions(_), Ok(Value::Bool(false))) = (&receiver, &result) {
            self.lookups.note_missing();
        }
        result.map_err(|message| fault(frame, message))
    }

    fn function(
        &mut self,
        frame: &mut Frame<'_>,
        pos: Pos,
        name: &str,
        args: &[Expr],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value> {
        if matches!(name, "and" | "or") {
            return self.short_circuit(frame, pos, name, args, dot, piped);
        }
        let values = self.arguments(frame, args, dot, piped)?;
        match (name, values.as_slice()) {
            ("include", [Value::Str(template), data]) => {
                let at = frame.at(pos);
                return self.include(template, data, &at);
            }
            ("tpl", [Value::Str(text), data]) => {
                let at = frame.at(pos);
                return self.tpl(text, data, &at);
            }
            ("include" | "tpl", _) => {
                let what = if name == "tpl" {
                    "a string"
                } else {
                    "a template's name"
                };
                return Err(TemplateFault::new(
                    frame.source.location(pos),
                    format!("{name} takes {what} and the data for it"),
                ));
            }
            _ => {}
        }
        if functions::nests(name) {
            self.made += 1;
            let is_small = self.max_depth < MAX_DEPTH;
            let limit = if is_small { SHALLOW_MADE } else { MAX_MADE };
            if self.made > limit {
                let message = format!("{name}: more than {limit} lists and dicts are made");
                return Err(TemplateFault {
                    needs_stack: is_small,
                    ..TemplateFault::new(frame.source.location(pos), message)
                });
            }
        }
        functions::call(self, name, &values).map_err(|error| {
            let at = frame.source.location(pos);
            match error {
                functions::Error::Chart(message) => TemplateFault {
                    by_chart: true,
                    ..TemplateFault::new(at, message)
                },
                functions::Error::Wrong(message) => {
                    TemplateFault::new(at, format!("{name}: {message}"))
                }
            }
        })
    }

    /// The values of all arguments; what was piped in is the last.
    fn arguments(
        &mut self,
        frame: &mut Frame<'_>,
        args: &[Expr],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Vec<Value>> {
        let mut values = Vec::with_capacity(args.len() + 1);
        for arg in args {
            values.push(self.expr(frame, arg, dot)?);
        }
        values.extend(piped);
        Ok(values)
    }

    /// `and` and `or` stop at the first argument that decides.
    fn short_circuit(
        &mut self,
        frame: &mut Frame<'_>,
        pos: Pos,
        name: &str,
        args: &[Expr],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value> {
        let mut last = None;
        for arg in args {
            let value = self.expr(frame, arg, dot)?;
            if value.is_true() == (name == "or") {
                return Ok(value);
            }
            last = Some(value);
        }
        piped.or(last).ok_or_else(|| {
            let at = frame.source.location(pos);
            TemplateFault::new(at, format!("{name} takes at least one argument"))
        })
    }

    fn expr(&mut self, frame: &mut Frame<'_>, expr: &Expr, dot: &Value) -> Result<Value> {
        Ok(match expr {
            Expr::Dot(_) => dot.clone(),
            Expr::Nil(_) => Value::Nil,
            Expr::Bool(_, b) => Value::Bool(*b),
            Expr::String(_, text) => Value::str(&**text),
            Expr::Number(_, Number::Int(i)) => Value::Int(*i),
            Expr::Number(_, Number::Float(f)) => Value::Float(*f),
            Expr::Number(pos, Number::Uint(u)) => {
                let at = frame.source.location(*pos);
                return Err(TemplateFault::new(
                    at,
                    format!("{u} does not fit into 64 bits"),
                ));
            }
            Expr::Field(pos, fields) => self.fields(frame, *pos, dot.clone(), fields)?,
            Expr::Variable(pos, name, fields) => {
                let value = variable(frame, *pos, name)?;
                self.fields(frame, *pos, value, fields)?
            }
            Expr::Identifier(pos, name) => self.function(frame, *pos, name, &[], dot, None)?,
            Expr::Pipe(pos, pipe) => {
                let at = frame.at(*pos);
                let outer = frame.vars.len();
                let value = self.deeper(&at, |m| m.pipe(frame, pipe, dot))?;
                frame.vars.truncate(outer);
                value
            }
            Expr::Chain(pos, inner, fields) => {
                let value = self.expr(frame, inner, dot)?;
                self.fields(frame, *pos, value, fields)?
            }
        })
    }

    /// `.a.b.c` from a value on.
    #[allow(clippy::unused_self)]
    fn fields(
        &self,
        frame: &Frame<'_>,
        pos: Pos,
        mut value: Value,
        fields: &[SmolStr],
    ) -> Result<Value> {
        for (i, name) in fields.iter().enumerate() {
            value = field(&value, name).map_err(|message| {
                let path: String = fields[..i].iter().map(|f| format!(".{f}")).collect();
                let of = if path.is_empty() {
                    String::new()
                } else {
                    format!(" of {path}")
                };
                let message = format!("cannot read .{name}{of}: {message}");
                TemplateFault::new(frame.source.location(pos), message)
            })?;
        }
        Ok(value)
    }
}

/// What an action prints for `nil`; it is gone from what a file or `tpl` gives (as in helm), but
/// `include` has it.
pub(super) const NO_VALUE: &str = "<no value>";

fn print(value: &Value, out: &mut String) -> std::result::Result<(), String> {
    use std::fmt::Write as _;
    match value {
        Value::Nil => out.push_str(NO_VALUE),
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

fn assign(frame: &mut Frame<'_>, name: &SmolStr, value: Value, existing: bool) {
    let slot = frame
        .vars
        .iter_mut()
        .rev()
        .find(|(n, _)| n == name)
        .filter(|_| existing);
    match slot {
        Some((_, slot)) => *slot = value,
        None => frame.vars.push((name.clone(), value)),
    }
}

fn variable(frame: &Frame<'_>, pos: Pos, name: &str) -> Result<Value> {
    let found = frame.vars.iter().rev().find(|(n, _)| n == name);
    found.map(|(_, value)| value.clone()).ok_or_else(|| {
        let at = frame.source.location(pos);
        TemplateFault::new(at, format!("undefined variable {name}"))
    })
}

/// One name of a chain: a key of a dict, or a method that takes no arguments.
fn field(value: &Value, name: &str) -> std::result::Result<Value, String> {
    match value {
        Value::Dict(dict) => Ok(dict.borrow().get(name).cloned().unwrap_or(Value::Nil)),
        Value::Nil => Err("it is not set (nil)".to_owned()),
        Value::Files(_) | Value::ApiVersions(_) | Value::KubeVersion(_) | Value::Semver(_) => {
            call_method(value, name, &[])
        }
        other => Err(format!("it is a {}, which has no keys", other.kind())),
    }
}

fn call_method(
    receiver: &Value,
    method: &str,
    args: &[Value],
) -> std::result::Result<Value, String> {
    let number = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
    match (receiver, method, args) {
        (Value::Files(files), ..) => files.call(method, args),
        (Value::ApiVersions(versions), "Has", [Value::Str(version)]) => {
            Ok(Value::Bool(versions.contains(version)))
        }
        (Value::KubeVersion(v), "Version" | "GitVersion", []) => Ok(Value::str(v.version.as_str())),
        (Value::KubeVersion(v), "String", []) => Ok(Value::str(v.normalized.as_str())),
        (Value::KubeVersion(v), "Major", []) => Ok(Value::str(v.major.as_str())),
        (Value::KubeVersion(v), "Minor", []) => Ok(Value::str(v.minor.as_str())),
        (Value::Semver(v), "Major", []) => Ok(number(v.version.major)),
        (Value::Semver(v), "Minor", []) => Ok(number(v.version.minor)),
        (Value::Semver(v), "Patch", []) => Ok(number(v.version.patch)),
        (Value::Semver(v), "Prerelease", []) => Ok(Value::str(v.version.pre.as_str())),
        (Value::Semver(v), "Metadata", []) => Ok(Value::str(v.version.build.as_str())),
        (Value::Semver(v), "String", []) => Ok(Value::from(v.version.to_string())),
        (Value::Semver(v), "Original", []) => Ok(Value::str(v.original.as_str())),
        (Value::Semver(a), method, [Value::Semver(b)]) => {
            let order = a.version.cmp_precedence(&b.version);
            Ok(match method {
                "Compare" => Value::Int(order as i64),
                "Equal" => order.is_eq().into(),
                "LessThan" => order.is_lt().into(),
                "LessThanEqual" => order.is_le().into(),
                "GreaterThan" => order.is_gt().into(),
                "GreaterThanEqual" => order.is_ge().into(),
                _ => {
                    return Err(format!(
                        "a version has no method .{method} with an argument"
                    ));
                }
            })
        }
        (Value::Dict(_), ..) => Err(format!(".{method} is a value: it takes no arguments")),
        (Value::Nil, ..) => Err(format!(
            "cannot call .{method}: what is before it is not set (nil)"
        )),
        _ => Err(format!(
            "unknown method .{method} with {} arguments on a {}",
            args.len(),
            receiver.kind()
        )),
    }
}
