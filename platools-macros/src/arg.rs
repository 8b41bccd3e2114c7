//! What `#[arg(...)]` and `#[inject]` say about a parameter.

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Expr, ExprLit, ExprRange, ExprUnary, Lit, LitStr, Meta, RangeLimits, UnOp};

use crate::errors::Errors;
use crate::keys::{Entry, Given, Value, entries};

/// The keys of `#[arg(...)]`.
#[derive(Default)]
pub(crate) struct ArgOptions {
    pub(crate) name: Option<Given<LitStr>>,
    pub(crate) description: Option<Given<LitStr>>,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) range: Option<ExprRange>,
    pub(crate) length: Option<ExprRange>,
    pub(crate) pattern: Option<Given<LitStr>>,
}

/// What is used for an argument that was left out.
pub(crate) enum DefaultValue {
    /// `default`: the type's own.
    OfType(Ident),
    /// `default = expression`.
    Is(Expr),
}

/// What an author says of a parameter, by hand.
pub(crate) struct Marks {
    pub(crate) arg: Option<ArgOptions>,
    pub(crate) inject: bool,
}

const KEYS: [&str; 6] = ["name", "default", "range", "length", "pattern", "description"];

impl Marks {
    /// Takes our attributes out of a parameter's.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        let mut marks = Self { arg: None, inject: false };
        attributes.retain(|attribute| {
            let (arg, inject) = (attribute.path().is_ident("arg"), attribute.path().is_ident("inject"));
            match () {
                () if arg && marks.arg.is_some() => {
                    errors.at(attribute, "a parameter has one `#[arg(...)]`; join the two")
                }
                () if arg => marks.arg = Some(ArgOptions::parse(&attribute.meta, errors)),
                () if inject => marks.inject(&attribute.meta, errors),
                () => {}
            }
            !(arg || inject)
        });
        marks
    }

    fn inject(&mut self, meta: &Meta, errors: &mut Errors) {
        if !matches!(meta, Meta::Path(_)) {
            errors.at(meta, "`#[inject]` takes nothing");
        }
        self.inject = true;
    }
}

impl ArgOptions {
    fn parse(meta: &Meta, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let tokens = match meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(_) => {
                errors.at(meta, "write `#[arg(key = value, ...)]`");
                TokenStream::new()
            }
        };
        for entry in entries(tokens, &KEYS, errors) {
            let outcome = options.set(&entry);
            errors.keep(outcome);
        }
        let outcome = options.check_default();
        errors.keep(outcome);
        options
    }

    fn set(&mut self, entry: &Entry) -> syn::Result<()> {
        match entry.key.to_string().as_str() {
            "name" => self.name = Some(entry.text("order_id")?),
            "description" => self.description = Some(entry.text("Public order id.")?),
            "pattern" => self.pattern = Some(entry.text("^ord-[0-9]+$")?),
            "range" => self.range = Some(range(entry, "1..=100")?),
            "length" => self.length = Some(range(entry, "1..=50")?),
            "default" => self.default = Some(default(entry)?),
            other => unreachable!("`{other}` is among `KEYS` and read nowhere"),
        }
        Ok(())
    }

    /// Where both are plain numbers, a default out of range is a compile error. Any other is found when the tool is registered.
    fn check_default(&self) -> syn::Result<()> {
        let (Some(DefaultValue::Is(default)), Some(range)) = (&self.default, &self.range) else { return Ok(()) };
        let Some(value) = number(default) else { return Ok(()) };
        let below = range.start.as_deref().and_then(number).is_some_and(|start| value < start);
        let above = range.end.as_deref().and_then(number).is_some_and(|end| match range.limits {
            RangeLimits::HalfOpen(_) => value >= end,
            RangeLimits::Closed(_) => value > end,
        });
        match below || above {
            true => Err(syn::Error::new_spanned(default, "the default lies outside of the argument's range")),
            false => Ok(()),
        }
    }
}

fn default(entry: &Entry) -> syn::Result<DefaultValue> {
    match entry.value {
        Value::Flag => Ok(DefaultValue::OfType(entry.key.clone())),
        Value::Is(_) | Value::Of(_) => entry.expression("default = 1").map(DefaultValue::Is),
    }
}

fn range(entry: &Entry, example: &str) -> syn::Result<ExprRange> {
    let key = &entry.key;
    let wrong = || entry.wrong(&format!("`{key}` takes a range, such as `{key}({example})`"));
    let Ok(Expr::Range(range)) = entry.expression("") else { return Err(wrong()) };
    if range.start.is_none() && range.end.is_none() {
        return Err(syn::Error::new_spanned(
            range,
            format!("`{key}(..)` limits nothing; give it an end or leave it out"),
        ));
    }
    if is_empty(&range) {
        return Err(syn::Error::new_spanned(range, "the range is empty: no value lies in it"));
    }
    Ok(range)
}

fn is_empty(range: &ExprRange) -> bool {
    let ends = (range.start.as_deref().and_then(number), range.end.as_deref().and_then(number));
    match (ends, range.limits) {
        ((Some(start), Some(end)), RangeLimits::HalfOpen(_)) => start >= end,
        ((Some(start), Some(end)), RangeLimits::Closed(_)) => start > end,
        _ => false,
    }
}

/// The value of a number written out. Whole numbers beyond 2^53 are rounded, which at worst leaves a check to run time.
fn number(expression: &Expr) -> Option<f64> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => int.base10_digits().parse().ok(),
        Expr::Lit(ExprLit { lit: Lit::Float(float), .. }) => float.base10_parse().ok(),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => number(expr).map(|value| -value),
        Expr::Group(group) => number(&group.expr),
        _ => None,
    }
}
