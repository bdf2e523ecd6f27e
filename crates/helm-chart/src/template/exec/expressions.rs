//! Pipelines, commands and their arguments: everything that has a value.

use gotmpl::parse::{CommandNode, Expr, Number, PipeNode, Pos, SmolStr};

use super::super::error::TemplateFault;
use super::super::functions;
use super::super::limits::{MAX_DEPTH, MAX_NESTING_CALLS, SHALLOW_NESTING_CALLS};
use super::super::value::Value;
use super::methods::{call_method, field};
use super::{Frame, Machine, Result};

impl Machine {
    /// Evaluates a pipeline and binds the variables that it declares.
    pub(super) fn pipe(
        &mut self,
        frame: &mut Frame<'_>,
        pipe: &PipeNode,
        dot: &Value,
    ) -> Result<Value> {
        let value = self.commands(frame, pipe, dot)?;
        for name in &pipe.decl {
            frame.assign(name, value.clone(), pipe.is_assign);
        }
        Ok(value)
    }

    /// Evaluates the commands of a pipeline without binding its variables.
    pub(super) fn commands(
        &mut self,
        frame: &mut Frame<'_>,
        pipe: &PipeNode,
        dot: &Value,
    ) -> Result<Value> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(frame, command, dot, value)?.resolved());
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
                let value = frame.variable(*pos, name)?;
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

    /// Calls the last name of a chain as a method with arguments.
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
        if matches!(receiver, Value::Nil) {
            return Ok(Value::Nil);
        }
        let values = self.arguments(frame, args, dot, piped)?;
        let result = call_method(&receiver, method, &values);
        if let (Value::ApiVersions(_), Ok(Value::Bool(false))) = (&receiver, &result) {
            self.context.lookups.note_missing();
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
                return self.include(template, &data.clone().resolved(), &at);
            }
            ("tpl", [Value::Str(text), data]) => {
                let at = frame.at(pos);
                return self.tpl(text, &data.clone().resolved(), &at);
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
            self.nesting_calls += 1;
            let is_small = self.max_depth < MAX_DEPTH;
            let limit = match is_small {
                true => SHALLOW_NESTING_CALLS,
                false => MAX_NESTING_CALLS,
            };
            if self.nesting_calls > limit {
                let message = format!("{name}: more than {limit} lists and dicts are created");
                return Err(TemplateFault {
                    needs_stack: is_small,
                    ..TemplateFault::new(frame.source.location(pos), message)
                });
            }
        }
        functions::call(&mut self.context, name, &values).map_err(|error| {
            let at = frame.source.location(pos);
            match error {
                functions::Error::Chart(message) => TemplateFault {
                    by_chart: true,
                    ..TemplateFault::new(at, message)
                },
                functions::Error::Wrong(message) => {
                    TemplateFault::new(at, format!("{name}: {message}"))
                }
                functions::Error::Random(function) => TemplateFault {
                    random_function: Some(function),
                    ..TemplateFault::new(at, format!("{name}: its result differs on each call"))
                },
            }
        })
    }

    /// Evaluates the arguments. A piped value becomes the last one.
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

    /// Evaluates `and` and `or`, which stop at the first argument that decides.
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
                let value = frame.variable(*pos, name)?;
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

    /// Reads `.a.b.c` of a value.
    ///
    /// As in Go, a field of `nil` is `nil` (helm#9266), but a chain does not go on behind a field that is not set.
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
