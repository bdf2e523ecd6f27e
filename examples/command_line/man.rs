//! A man page of each command (man(7)).

use std::error::Error;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use osm::cli::reference::{EXIT_CODES, command_line, files, variables};

use super::Files;

/// The longest line of a page, in bytes.
const WIDTH: usize = 80;

/// Returns the pages, which have this date: `osm.1`, `osm-install.1`, `osm-images-mirror.1`, …
pub fn pages(date: &str) -> Result<Files, Box<dyn Error>> {
    let mut root = command_line().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    add_pages(&root, None, date, &mut pages)?;
    Ok(pages)
}

fn add_pages(
    command: &Command,
    above: Option<&str>,
    date: &str,
    pages: &mut Files,
) -> Result<(), Box<dyn Error>> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    pages.push((format!("{name}.1"), page(command, name, above, date)?));
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        add_pages(inner, Some(name), date, pages)?;
    }
    Ok(())
}

/// Returns the page of a command. `above` is the name of the page of the command that it belongs to.
fn page(
    command: &Command,
    name: &str,
    above: Option<&str>,
    date: &str,
) -> Result<String, Box<dyn Error>> {
    let version = env!("CARGO_PKG_VERSION");
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .date(date)
        .source(format!("osm {version}"))
        .manual("Open Service Mesh");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    synopsis(command).to_writer(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let has_inner = command.get_subcommands().any(|inner| !inner.is_hide_set());
    if has_inner {
        man.render_subcommands_section(&mut page)?;
    }
    let codes = EXIT_CODES.map(|(code, meaning)| (code.to_string(), sentence(meaning)));
    terms("EXIT STATUS", &codes).to_writer(&mut page)?;
    terms("ENVIRONMENT", &variables(command)).to_writer(&mut page)?;
    terms("FILES", &files(command)).to_writer(&mut page)?;
    if let Some(examples) = super::reference::examples(command) {
        let mut roff = Roff::new();
        roff.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in examples.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []).to_writer(&mut page)?;
    }
    see_also(command, above).to_writer(&mut page)?;
    // Every section defines the same string at its beginning.
    let define = Roff::new().render();
    let page = String::from_utf8(page)?.replace(&define, "");
    // An empty line between breaks is not valid.
    let page = page.replace("\n.br\n\n.br\n", "\n.sp\n");
    Ok(define + &wrapped(&page))
}

/// Returns a page whose lines have at most 80 bytes, if they have a blank to break at.
fn wrapped(page: &str) -> String {
    let mut out = String::new();
    let mut is_as_typed = false;
    for line in page.lines() {
        match line {
            ".nf" => is_as_typed = true,
            ".fi" => is_as_typed = false,
            _ => {}
        }
        let mut rest = line;
        while rest.len() > WIDTH && !rest.starts_with('.') {
            // No line may begin like a request.
            let can_break = |at: &usize| {
                let after = rest.get(at + 1..).unwrap_or_default();
                !after.starts_with([' ', '.', '\'']) && *at > 0
            };
            let limit = if is_as_typed {
                WIDTH - "\\c".len()
            } else {
                WIDTH
            };
            let blanks = rest.match_indices(' ').map(|(at, _)| at);
            let Some(at) = blanks.filter(can_break).take_while(|at| *at < limit).last() else {
                break;
            };
            let (line, after) = rest.split_at(at);
            match is_as_typed {
                // The next line continues this one.
                true => out.push_str(&format!("{line} \\c\n")),
                false => out.push_str(&format!("{}\n", line.trim_end())),
            }
            rest = after.get(1..).unwrap_or_default();
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

/// The usage line, less the name of its heading.
fn synopsis(command: &Command) -> Roff {
    let usage = super::reference::usage(command);
    let words: Vec<&str> = usage.split(' ').collect();
    // What the user types as it is stands in front of the first placeholder.
    let typed = words
        .iter()
        .take_while(|word| !word.starts_with(['[', '<', '-']))
        .count();
    let (typed, rest) = words.split_at(typed);
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold(typed.join(" ")), roman(" "), italic(rest.join(" "))]);
    roff
}

/// Returns a section of terms with their descriptions, or nothing if there are no terms.
fn terms<T: AsRef<str>, D: AsRef<str>>(heading: &str, terms: &[(T, D)]) -> Roff {
    let mut roff = Roff::new();
    if !terms.is_empty() {
        roff.control("SH", [heading]);
    }
    for (term, description) in terms {
        roff.control("TP", [])
            .text([bold(term.as_ref())])
            .text([roman(description.as_ref())]);
    }
    roff
}

/// The pages of the command around this one, and of those inside of it.
fn see_also(command: &Command, above: Option<&str>) -> Roff {
    let own = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let inner = command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set());
    let inner = inner.map(|inner| format!("{own}-{}", inner.get_name()));
    let pages: Vec<String> = above.map(str::to_owned).into_iter().chain(inner).collect();
    let mut roff = Roff::new();
    if pages.is_empty() {
        return roff;
    }
    roff.control("SH", ["SEE ALSO"]);
    let last = pages.len() - 1;
    for (at, page) in pages.iter().enumerate() {
        let end = if at == last { "(1)" } else { "(1)," };
        roff.control("BR", [page.as_str(), end]);
    }
    roff
}

/// Returns text that begins with a capital letter and ends with a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}
