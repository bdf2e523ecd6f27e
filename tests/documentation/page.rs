//! A page of the documentation: its blocks of code, its links, and the anchors of its headings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page, as it is read from a file.
pub struct Page {
    /// The path from the root of the repository.
    pub path: PathBuf,
    pub text: String,
    pub blocks: Vec<Block>,
    pub links: Vec<Link>,
    /// What links to this page can have behind `#`.
    pub anchors: BTreeSet<String>,
}

/// A block of code.
pub struct Block {
    pub line: usize,
    /// The language of a fenced block. An indented block has none.
    pub language: Option<String>,
    pub text: String,
    /// The comments directly before the block, without their marks: `not run: needs GitHub`.
    pub comments: Vec<String>,
}

/// A link or an image.
pub struct Link {
    pub line: usize,
    pub target: String,
}

impl Page {
    /// Reads a page of this repository.
    pub fn read(path: &Path) -> Page {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        Page::parse(path, text)
    }

    fn parse(path: &Path, text: String) -> Page {
        let mut page = Page {
            path: path.to_owned(),
            text: String::new(),
            blocks: Vec::new(),
            links: Vec::new(),
            anchors: BTreeSet::new(),
        };
        let line = |offset: usize| text[..offset].matches('\n').count() + 1;
        let mut comments = Vec::new();
        let (mut in_heading, mut in_block) = (None::<String>, false);
        let parser = Parser::new_ext(&text, Options::ENABLE_TABLES);
        for (event, range) in parser.into_offset_iter() {
            match event {
                Event::Html(html) => comments.extend(comment(&html)),
                Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {}
                Event::Start(Tag::CodeBlock(kind)) => {
                    in_block = true;
                    page.blocks.push(Block {
                        line: line(range.start),
                        language: match kind {
                            CodeBlockKind::Fenced(language) => Some(language.to_string()),
                            CodeBlockKind::Indented => None,
                        },
                        text: String::new(),
                        comments: std::mem::take(&mut comments),
                    });
                }
                Event::Text(part) if in_block => page.blocks.last_mut().unwrap().text += &part,
                Event::End(TagEnd::CodeBlock) => in_block = false,
                other => {
                    comments.clear();
                    match other {
                        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                            let target = dest_url.to_string();
                            let line = line(range.start);
                            page.links.push(Link { line, target });
                        }
                        Event::Start(Tag::Heading { .. }) => in_heading = Some(String::new()),
                        Event::Text(part) | Event::Code(part) => {
                            if let Some(heading) = &mut in_heading {
                                heading.push_str(&part);
                            }
                        }
                        Event::End(TagEnd::Heading(_)) => page.add_anchor(in_heading.take()),
                        _ => {}
                    }
                }
            }
        }
        page.text = text;
        page
    }

    /// Adds the anchor that a forge makes of a heading. If there are several of one text, the others have a number.
    fn add_anchor(&mut self, heading: Option<String>) {
        let heading = heading.unwrap().to_lowercase();
        let is_kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
        let anchor: String = heading.chars().filter(is_kept).collect();
        let anchor = anchor.replace(' ', "-");
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let mut names = std::iter::once(anchor.clone()).chain(numbered);
        let free = names.find(|name| !self.anchors.contains(name)).unwrap();
        self.anchors.insert(free);
    }

    /// Where a line of this page is.
    pub fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

impl Block {
    /// Returns the texts of all comments that begin with a word and a colon.
    pub fn marks<'b>(&'b self, word: &str) -> impl Iterator<Item = &'b str> {
        let start = format!("{word}: ");
        self.comments
            .iter()
            .filter_map(move |comment| comment.strip_prefix(&start))
    }
}

fn comment(html: &str) -> Option<String> {
    let inner = html.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    Some(inner.trim().to_owned())
}

/// Returns the paths of all files below a folder of the repository whose names have this end.
pub fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == end) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn blocks_links_and_anchors_of_a_page_are_found() {
    let text = "# A page: `osm`, read\n\n<!-- first: a -->\n<!-- not run: b -->\n```sh\nosm x\n```\n\n    osm y\n\n\
                | a |\n| --- |\n| [b](c.md#d) |\n\n# A page: `osm`, read\n![e](f.svg)\n";
    let page = Page::parse(Path::new("a.md"), text.to_owned());
    let blocks: Vec<_> = page
        .blocks
        .iter()
        .map(|block| {
            let comments: Vec<&str> = block.comments.iter().map(String::as_str).collect();
            (
                block.line,
                block.language.as_deref(),
                block.text.as_str(),
                comments,
            )
        })
        .collect();
    assert_eq!(
        blocks,
        [
            (5, Some("sh"), "osm x\n", vec!["first: a", "not run: b"]),
            (9, None, "osm y\n", vec![])
        ]
    );
    assert_eq!(page.blocks[0].marks("not run").collect::<Vec<_>>(), ["b"]);
    let links: Vec<_> = page
        .links
        .iter()
        .map(|link| (link.line, link.target.as_str()))
        .collect();
    assert_eq!(links, [(13, "c.md#d"), (16, "f.svg")]);
    let anchors: Vec<&String> = page.anchors.iter().collect();
    assert_eq!(anchors, ["a-page-osm-read", "a-page-osm-read-1"]);
}
