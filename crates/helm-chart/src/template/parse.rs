//! Parses template source into a checked syntax tree.
//!
//! The tree is that of the crate `gotmpl`. Its parser accepts blocks that are never closed, and ignores everything after a
//! stray `{{end}}`, so this module checks the nesting of blocks first. As in Go, unknown functions and variables are
//! errors before anything is rendered.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use gotmpl::TemplateError;
use gotmpl::parse::{Expr, ListNode, Node, Parser, PipeNode, Pos};

use super::error::{Location, TemplateFault};

/// Maximum depth of blocks and `else if` chains. The parser is recursive.
const MAX_DEPTH: usize = 90;

/// Fails with a message for a name that is not the name of a function.
pub(super) type CheckFunction<'c> = &'c dyn Fn(&str) -> Result<(), String>;

/// A parsed template file.
#[derive(Debug)]
pub(super) struct Source {
    /// The path of the file inside the chart, for messages.
    pub file: String,
    /// The source of the template, to compute lines and columns.
    text: Cow<'static, str>,
    /// The tree of everything outside of `define`s.
    pub body: Arc<ListNode>,
    /// The `define`s and `block`s by name, in the order of the file.
    pub defines: Vec<(String, Arc<ListNode>)>,
}

impl Source {
    /// Parses a template. `check_function` fails for the name of an unknown function.
    ///
    /// # Errors
    /// Syntax errors, unknown functions and undefined variables, with their position.
    pub fn parse(
        file: &str,
        text: Cow<'static, str>,
        check_function: CheckFunction<'_>,
    ) -> Result<Source, TemplateFault> {
        let mut source = Source {
            file: file.to_owned(),
            text,
            body: Arc::new(ListNode {
                pos: Pos::new(0, 1),
                nodes: Vec::new(),
            }),
            defines: Vec::new(),
        };
        let comments = source.check_blocks(&source.text)?;
        let text = trimmed_comments(&source.text, &comments);
        let (body, defines) = Parser::with_name(Some(file), &text, "{{", "}}")
            .and_then(Parser::parse)
            .map_err(|error| source.parser_fault(&error))?;
        let names = Names {
            source: &source,
            check_function,
        };
        names.list(&body, &mut vec!["$".to_owned()], false)?;
        for define in &defines {
            names.list(&define.body, &mut vec!["$".to_owned()], false)?;
        }
        source.body = Arc::new(body);
        source.defines = defines
            .into_iter()
            .map(|d| (d.name.to_string(), Arc::new(d.body)))
            .collect();
        Ok(source)
    }

    /// Returns line and column of a position in the tree.
    pub fn location(&self, pos: Pos) -> Location {
        self.location_of(pos.offset)
    }

    fn location_of(&self, offset: usize) -> Location {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        Location {
            file: self.file.clone(),
            line,
            column: offset.saturating_sub(start) + 1,
        }
    }

    fn fault(&self, offset: usize, message: impl Into<String>) -> TemplateFault {
        TemplateFault::new(self.location_of(offset), message)
    }

    fn parser_fault(&self, error: &TemplateError) -> TemplateFault {
        match error {
            TemplateError::Lex {
                line, col, message, ..
            }
            | TemplateError::Parse {
                line, col, message, ..
            } => TemplateFault::new(
                Location {
                    file: self.file.clone(),
                    line: (*line).max(1),
                    column: (*col).max(1),
                },
                message.clone(),
            ),
            other => self.fault(0, other.to_string()),
        }
    }

    /// Checks that every block is closed, that every `else` and `end` belongs to a block, and that the nesting is bounded.
    /// Returns the positions of the comments that trim the blanks before them.
    fn check_blocks(&self, text: &str) -> Result<Vec<Range<usize>>, TemplateFault> {
        struct Block<'t> {
            keyword: &'t str,
            offset: usize,
            else_seen: bool,
            depth: usize,
        }
        let mut open: Vec<Block<'_>> = Vec::new();
        let mut depth = 0;
        let mut comments = Vec::new();
        let mut actions = Actions::new(text);
        while let Some(action) = actions.next() {
            let (offset, body) = action.map_err(|(at, what)| self.fault(at, what))?;
            let whole = text.get(offset..actions.at).unwrap_or_default();
            if whole.starts_with("{{-") && whole.get(4..6) == Some("/*") && whole.ends_with("*/}}")
            {
                comments.push(offset..actions.at);
            }
            let (keyword, rest) = first_word(body);
            match keyword {
                "if" | "range" | "with" | "define" | "block" => {
                    if keyword == "define" && !open.is_empty() {
                        return Err(self.fault(
                            offset,
                            "{{define}} inside of another block: a template is defined at the top of a file",
                        ));
                    }
                    if keyword == "block" && !has_value(rest) {
                        return Err(self.fault(
                            offset,
                            "{{block}} needs its name and the data for it: {{block \"name\" .}}",
                        ));
                    }
                    depth += 1;
                    open.push(Block {
                        keyword,
                        offset,
                        else_seen: false,
                        depth: 1,
                    });
                }
                "else" => {
                    let chained = matches!(first_word(rest).0, "if" | "with");
                    match open.last_mut() {
                        None => {
                            return Err(self.fault(offset, "{{else}} without a block to belong to"));
                        }
                        Some(block) if matches!(block.keyword, "define" | "block") => {
                            return Err(self.fault(
                                offset,
                                format!(
                                    "{{{{else}}}} in a {{{{{}}}}}, which has no other branch",
                                    block.keyword
                                ),
                            ));
                        }
                        Some(block) if block.else_seen => {
                            return Err(self.fault(offset, "a second {{else}} for the same block"));
                        }
                        Some(block) if chained => {
                            block.depth += 1;
                            depth += 1;
                        }
                        Some(block) => block.else_seen = true,
                    }
                }
                "end" => match open.pop() {
                    None => return Err(self.fault(offset, "{{end}} without a block to close")),
                    Some(block) => depth -= block.depth,
                },
                _ => {}
            }
            if depth > MAX_DEPTH {
                return Err(self.fault(
                    offset,
                    format!("blocks are nested more than {MAX_DEPTH} deep here"),
                ));
            }
        }
        match open.pop() {
            None => Ok(comments),
            Some(block) => {
                let keyword = block.keyword;
                Err(self.fault(
                    block.offset,
                    format!("{{{{{keyword}}}}} is never closed: an {{{{end}}}} is missing"),
                ))
            }
        }
    }
}

/// Splits an action after its first word.
fn first_word(action: &str) -> (&str, &str) {
    let action = action.trim_start();
    let end = action
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(action.len());
    action.split_at(end)
}

/// Moves the blanks that a comment `{{- /* … */}}` trims into the comment.
///
/// The parser would also trim the blanks after such a comment. Only the content of the comment moves, and no line feed is
/// lost, so positions stay correct.
fn trimmed_comments<'t>(text: &'t str, comments: &[Range<usize>]) -> Cow<'t, str> {
    if comments.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for comment in comments {
        let kept = text.get(copied..comment.start).unwrap_or_default();
        let kept = kept.trim_end_matches([' ', '\t', '\r', '\n']);
        let trimmed = copied + kept.len()..comment.start;
        let blank = comment.start + 3..comment.start + 4;
        out.push_str(kept);
        out.push_str("{{/*");
        out.push_str(text.get(trimmed).unwrap_or_default());
        out.push_str(text.get(blank).unwrap_or(" "));
        out.push(' ');
        copied = comment.start + 6;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// Returns whether data follows the name of a `block`.
fn has_value(rest: &str) -> bool {
    let rest = rest.trim_start();
    let name = rest.strip_prefix(['"', '`']);
    let after = name.and_then(|name| name.split_once(['"', '`']));
    after.is_some_and(|(_, after)| !after.trim().is_empty())
}

/// Iterates over the actions `{{ … }}` of a template: the offset of the opening braces, and the content without comments,
/// trim markers and surrounding blanks.
struct Actions<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Actions<'t> {
    fn new(text: &'t str) -> Self {
        Actions { text, at: 0 }
    }

    /// Parses the comment in the action at `open`, which starts at `start` and has to fill the action.
    fn comment(&mut self, open: usize, start: usize) -> <Self as Iterator>::Item {
        let rest = self.text.get(start..).unwrap_or_default();
        self.at = self.text.len();
        let Some(rest) = rest.strip_prefix("/*") else {
            return Err((open, "a comment begins right behind {{ or {{-"));
        };
        let Some((_, rest)) = rest.split_once("*/") else {
            return Err((open, "a comment that is never closed with */"));
        };
        let blank = rest.strip_prefix([' ', '\t', '\r', '\n']);
        let marked = blank.and_then(|rest| rest.strip_prefix("-}}"));
        match rest.strip_prefix("}}").or(marked) {
            Some(after) => {
                self.at = self.text.len() - after.len();
                Ok((open, ""))
            }
            None if !rest.contains("}}") => Err((open, "an action that is never closed with }}")),
            None => Err((open, "a comment ends right before }} or -}}")),
        }
    }
}

impl<'t> Iterator for Actions<'t> {
    type Item = Result<(usize, &'t str), (usize, &'static str)>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let behind = bytes.get(self.at..)?;
        let mut braces = memchr::memchr_iter(b'{', behind);
        let open = self.at + braces.find(|at| behind.get(at + 1) == Some(&b'{'))?;
        let mut start = open + 2;
        let trims = matches!(
            bytes.get(start..),
            Some([b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
        );
        if trims {
            start += 1;
        }
        let inside = self.text.get(start..).unwrap_or_default();
        if inside.trim_start().starts_with("/*") {
            return Some(self.comment(open, start + usize::from(trims)));
        }
        // Until the closing braces are found, everything up to the end belongs to the action.
        self.at = self.text.len();
        let mut rest = inside.bytes().enumerate();
        while let Some((i, b)) = rest.next() {
            match b {
                b'}' if inside.as_bytes().get(i + 1) == Some(&b'}') => {
                    self.at = start + i + 2;
                    let body = inside.get(..i).unwrap_or_default().trim();
                    let body = body.strip_suffix('-').unwrap_or(body).trim_end();
                    return Some(Ok((open, body)));
                }
                // Searching for the closing backquote consumes the raw string.
                b'`' if !rest.any(|(_, b)| b == b'`') => {
                    return Some(Err((start + i, "a string without a closing `")));
                }
                b'"' | b'\'' => loop {
                    match rest.next() {
                        Some((escape, b'\\')) => match rest.next() {
                            Some((_, b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v')) => {}
                            Some((_, b'\\' | b'x' | b'u' | b'U' | b'0'..=b'7')) => {}
                            Some((_, quote)) if quote == b => {}
                            _ => {
                                return Some(Err((
                                    start + escape,
                                    "no escape that Go's texts have; between ` a backslash is just that",
                                )));
                            }
                        },
                        None | Some((_, b'\n')) => {
                            return Some(Err((start + i, "an unclosed string")));
                        }
                        Some((_, end)) if end == b => break,
                        Some(_) => {}
                    }
                },
                _ => {}
            }
        }
        Some(Err((open, "an action that is never closed with }}")))
    }
}

/// Finds unknown functions and variables, and `break` outside of a loop.
struct Names<'s> {
    source: &'s Source,
    check_function: CheckFunction<'s>,
}

impl Names<'_> {
    fn list(
        &self,
        list: &ListNode,
        vars: &mut Vec<String>,
        in_range: bool,
    ) -> Result<(), TemplateFault> {
        list.nodes
            .iter()
            .try_for_each(|node| self.node(node, vars, in_range))
    }

    fn node(
        &self,
        node: &Node,
        vars: &mut Vec<String>,
        in_range: bool,
    ) -> Result<(), TemplateFault> {
        match node {
            Node::Text(_) | Node::Define(_) => Ok(()),
            Node::List(list) => self.list(list, vars, in_range),
            Node::Action(action) => self.pipe(&action.pipe, vars),
            Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                let outer = vars.len();
                self.pipe(&branch.pipe, vars)?;
                let in_body = in_range || matches!(node, Node::Range(_));
                let scope = vars.len();
                self.list(&branch.body, vars, in_body)?;
                vars.truncate(scope);
                if let Some(other) = &branch.else_body {
                    self.list(other, vars, in_range)?;
                }
                vars.truncate(outer);
                Ok(())
            }
            Node::Template(call) => call
                .pipe
                .as_ref()
                .map_or(Ok(()), |pipe| self.pipe(pipe, vars)),
            Node::Break(pos) | Node::Continue(pos) if !in_range => Err(self.source.fault(
                pos.offset,
                "{{break}} and {{continue}} stand only inside of a {{range}}",
            )),
            Node::Break(_) | Node::Continue(_) => Ok(()),
        }
    }

    fn pipe(&self, pipe: &PipeNode, vars: &mut Vec<String>) -> Result<(), TemplateFault> {
        for command in &pipe.commands {
            for arg in &command.args {
                self.expr(arg, vars)?;
            }
        }
        for name in &pipe.decl {
            if !pipe.is_assign {
                vars.push(name.to_string());
            } else if !vars.iter().any(|v| v == name.as_str()) {
                return Err(self.undefined(pipe.pos, name));
            }
        }
        Ok(())
    }

    fn expr(&self, expr: &Expr, vars: &mut Vec<String>) -> Result<(), TemplateFault> {
        match expr {
            Expr::Identifier(pos, name) => (self.check_function)(name)
                .map_err(|message| self.source.fault(pos.offset, message)),
            Expr::Variable(pos, name, _) if !vars.iter().any(|v| v == name.as_str()) => {
                Err(self.undefined(*pos, name))
            }
            Expr::Pipe(_, pipe) => {
                let outer = vars.len();
                let result = self.pipe(pipe, vars);
                vars.truncate(outer);
                result
            }
            Expr::Chain(_, inner, _) => self.expr(inner, vars),
            _ => Ok(()),
        }
    }

    fn undefined(&self, pos: Pos, name: &str) -> TemplateFault {
        self.source
            .fault(pos.offset, format!("undefined variable {name}"))
    }
}
