//! [`ParameterAttributes`]: reads the attributes of one parameter: the doc comment, `#[arg(...)]` and `#[inject]`.

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Expr, ExprLit, ExprRange, ExprUnary, Lit, LitStr, Meta, RangeLimits, UnOp};

use crate::errors::Errors;
use crate::parse::attribute_keys::{LitOrExpr, MetaItem, MetaValue, parse_meta_items};
use crate::parse::doc_comment::DocComment;

/// The keys of `#[arg(...)]`.
#[derive(Default)]
pub(crate) struct ArgOptions {
    pub(crate) name: Option<LitOrExpr<LitStr>>,
    pub(crate) description: Option<LitOrExpr<LitStr>>,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) range: Option<ExprRange>,
    pub(crate) length: Option<ExprRange>,
    pub(crate) pattern: Option<LitOrExpr<LitStr>>,
    pub(crate) user_providable: Option<LitOrExpr<bool>>,
}

/// The value of an argument that the caller leaves out.
pub(crate) enum DefaultValue {
    /// `default`: the type's `Default`.
    OfType(Ident),
    /// `default = expression`.
    Is(Expr),
}

/// The attributes of a parameter that this crate reads.
pub(crate) struct ParameterAttributes {
    pub(crate) docs: DocComment,
    pub(crate) arg: Option<ArgOptions>,
    pub(crate) inject: bool,
}

const KEYS: [&str; 7] = ["name", "default", "range", "length", "pattern", "description", "user_providable"];

impl ParameterAttributes {
    /// Removes the attributes from a parameter, where the compiler would refuse them.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        let mut parameter = Self { docs: DocComment::of(attributes), arg: None, inject: false };
        attributes.retain(|attribute| {
            let (arg, inject) = (attribute.path().is_ident("arg"), attribute.path().is_ident("inject"));
            if arg && parameter.arg.is_some() {
                errors.at(attribute, "a parameter has one `#[arg(...)]`; join the two");
            } else if arg {
                parameter.arg = Some(ArgOptions::parse(&attribute.meta, errors));
            } else if inject {
                parameter.parse_inject(&attribute.meta, errors);
            }
            !(arg || inject || DocComment::is_part(&attribute.meta))
        });
        parameter
    }

    fn parse_inject(&mut self, meta: &Meta, errors: &mut Errors) {
        if !matches!(meta, Meta::Path(_)) {
            errors.at(meta, "`#[inject]` has no arguments; write it alone");
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
        for item in parse_meta_items(tokens, &KEYS, errors) {
            let outcome = options.set(&item);
            errors.keep(outcome);
        }
        let outcome = options.check_default();
        errors.keep(outcome);
        options
    }

    fn set(&mut self, item: &MetaItem) -> syn::Result<()> {
        match item.key.to_string().as_str() {
            "name" => self.name = Some(item.text("order_id")?),
            "description" => self.description = Some(item.text("Public order id.")?),
            "pattern" => self.pattern = Some(item.text("^ord-[0-9]+$")?),
            "user_providable" => self.user_providable = Some(item.flag()?),
            "range" => self.range = Some(range(item, "1..=100")?),
            "length" => self.length = Some(range(item, "1..=50")?),
            "default" => self.default = Some(default(item)?),
            other => unreachable!("`{other}` is among `KEYS` and read nowhere"),
        }
        Ok(())
    }

    /// Refuses a default out of range if both are plain numbers. Any other is checked when the tool is registered.
    fn check_default(&self) -> syn::Result<()> {
        let (Some(DefaultValue::Is(default)), Some(range)) = (&self.default, &self.range) else { return Ok(()) };
        let Some(value) = number(default) else { return Ok(()) };
        let below = range.start.as_deref().and_then(number).is_some_and(|start| value < start);
        let above = range.end.as_deref().and_then(number).is_some_and(|end| match range.limits {
            RangeLimits::HalfOpen(_) => value >= end,
            RangeLimits::Closed(_) => value > end,
        });
        if below || above {
            return Err(syn::Error::new_spanned(
                default,
                "the default lies outside of the argument's range; change one of them",
            ));
        }
        Ok(())
    }
}

fn default(item: &MetaItem) -> syn::Result<DefaultValue> {
    match item.value {
        MetaValue::Flag => Ok(DefaultValue::OfType(item.key.clone())),
        MetaValue::Is(_) | MetaValue::Of(_) => item.expression("default = 1").map(DefaultValue::Is),
    }
}

fn range(item: &MetaItem, example: &str) -> syn::Result<ExprRange> {
    let key = &item.key;
    let wrong = || item.wrong(&format!("`{key}` takes a range, such as `{key}({example})`"));
    let Ok(Expr::Range(range)) = item.expression("") else { return Err(wrong()) };
    if range.start.is_none() && range.end.is_none() {
        return Err(syn::Error::new_spanned(
            range,
            format!("`{key}(..)` limits nothing; give it an end or leave it out"),
        ));
    }
    if is_empty(&range) {
        return Err(syn::Error::new_spanned(range, "the range is empty; its end must be above its start"));
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
