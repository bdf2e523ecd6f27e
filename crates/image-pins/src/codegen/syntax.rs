//! Builders of the Rust syntax in generated code.
//!
//! Parts that repeat are built directly. Parsing them from tokens would take most of the time with a thousand releases.

use std::fmt::Write as _;
use std::str::FromStr;

use proc_macro2::{Ident, Literal, Span};
use syn::punctuated::Punctuated;
use syn::token::{And, Brace, Bracket, Colon, Eq, Paren, Pound, Star};
use syn::{
    AttrStyle, Attribute, Expr, ExprArray, ExprCall, ExprLit, ExprPath, ExprReference, ExprStruct,
    ExprUnary, FieldValue, Item, ItemConst, ItemMod, Lit, LitStr, Member, Meta, MetaNameValue,
    Path, PathSegment, UnOp, parse_quote,
};

use super::Error;
use crate::digest::Digest;

/// The types and variants in generated code, as absolute paths, so that the code can be included anywhere.
pub(super) struct Paths {
    pub(super) release: Path,
    pub(super) pin: Path,
    pub(super) external: Path,
    pub(super) component: Path,
    sha256: Path,
    sha512: Path,
    doc: Path,
    pin_constant: ItemConst,
    empty_module: ItemMod,
}

impl Paths {
    pub(super) fn new() -> Self {
        Self {
            release: parse_quote!(::image_pins::compiled::Release),
            pin: parse_quote!(::image_pins::compiled::Pin),
            external: parse_quote!(::image_pins::compiled::External),
            component: parse_quote!(::image_pins::compiled::ComponentInfo),
            sha256: parse_quote!(::image_pins::Digest::Sha256),
            sha512: parse_quote!(::image_pins::Digest::Sha512),
            doc: parse_quote!(doc),
            pin_constant: parse_quote!(
                pub const PIN: ::image_pins::compiled::Pin = ();
            ),
            empty_module: parse_quote!(
                pub mod images {}
            ),
        }
    }

    /// Returns a line of documentation.
    pub(super) fn doc(&self, line: &str) -> Attribute {
        Attribute {
            pound_token: Pound::default(),
            style: AttrStyle::Outer,
            bracket_token: Bracket::default(),
            meta: Meta::NameValue(MetaNameValue {
                path: self.doc.clone(),
                eq_token: Eq::default(),
                value: text(line),
            }),
        }
    }

    /// Returns `pub const NAME: Pin = …;` with documentation.
    pub(super) fn constant(&self, doc: &str, name: &str, value: Expr) -> ItemConst {
        ItemConst {
            attrs: vec![self.doc(doc)],
            ident: identifier(name),
            expr: Box::new(value),
            ..self.pin_constant.clone()
        }
    }

    /// Returns `pub mod name { … }` with documentation.
    pub(super) fn module(&self, doc: &str, name: &str, items: Vec<Item>) -> ItemMod {
        ItemMod {
            attrs: vec![self.doc(doc)],
            ident: identifier(name),
            content: Some((Brace::default(), items)),
            ..self.empty_module.clone()
        }
    }

    /// Returns a digest as one byte string literal. An array of 32 numbers would need 64 tokens.
    pub(super) fn digest(&self, digest: &Digest) -> Result<Expr, Error> {
        let path = match digest {
            Digest::Sha256(_) => &self.sha256,
            Digest::Sha512(_) => &self.sha512,
        };
        let mut bytes = String::from("b\"");
        for byte in digest.as_bytes() {
            let _ = write!(bytes, "\\x{byte:02x}");
        }
        bytes.push('"');
        let bytes = Literal::from_str(&bytes).map_err(|error| Error::NotRust(error.to_string()))?;
        let bytes = Expr::Unary(ExprUnary {
            attrs: Vec::new(),
            op: UnOp::Deref(Star::default()),
            expr: Box::new(literal(Lit::new(bytes))),
        });
        Ok(Expr::Call(ExprCall {
            attrs: Vec::new(),
            func: Box::new(self::path(path.clone())),
            paren_token: Paren::default(),
            args: std::iter::once(bytes).collect(),
        }))
    }
}

/// Returns `"…"`.
pub(super) fn text(text: &str) -> Expr {
    literal(Lit::Str(LitStr::new(text, Span::call_site())))
}

/// Returns `&[…]`.
pub(super) fn list(items: impl IntoIterator<Item = Expr>) -> Expr {
    let array = ExprArray {
        attrs: Vec::new(),
        bracket_token: Bracket::default(),
        elems: items.into_iter().collect(),
    };
    Expr::Reference(ExprReference {
        attrs: Vec::new(),
        and_token: And::default(),
        mutability: None,
        expr: Box::new(Expr::Array(array)),
    })
}

/// Returns `Path { name: value, … }`.
pub(super) fn structure<const N: usize>(path: &Path, fields: [(&str, Expr); N]) -> Expr {
    let field = |(name, expr)| FieldValue {
        attrs: Vec::new(),
        member: Member::Named(Ident::new(name, Span::call_site())),
        colon_token: Some(Colon::default()),
        expr,
    };
    Expr::Struct(ExprStruct {
        attrs: Vec::new(),
        qself: None,
        path: path.clone(),
        brace_token: Brace::default(),
        fields: fields.into_iter().map(field).collect::<Punctuated<_, _>>(),
        dot2_token: None,
        rest: None,
    })
}

/// Returns `NAME`.
pub(super) fn name(name: &str) -> Expr {
    path(identifier(name).into())
}

/// Returns `module::NAME`.
pub(super) fn name_in(module: &str, name: &str) -> Expr {
    let segments = [module, name].map(|part| PathSegment::from(identifier(part)));
    path(Path {
        leading_colon: None,
        segments: segments.into_iter().collect(),
    })
}

/// Returns an identifier. The caller has checked that it is valid.
pub(super) fn identifier(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

fn path(path: Path) -> Expr {
    Expr::Path(ExprPath {
        attrs: Vec::new(),
        qself: None,
        path,
    })
}

fn literal(lit: Lit) -> Expr {
    Expr::Lit(ExprLit {
        attrs: Vec::new(),
        lit,
    })
}
