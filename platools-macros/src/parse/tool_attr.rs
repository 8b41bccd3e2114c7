//! [`ToolOptions`]: reads the keys of `#[tool(...)]`, such as `name` and `timeout`.

use platools_attributes::{closest, units};
use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprArray, ExprLit, ExprPath, ExprUnary, Lit, LitStr, Path, Token, UnOp};

use crate::errors::Errors;
use crate::parse::attribute_keys::{LitOrExpr, MetaItem, MetaValue, parse_meta_items, ungrouped};
use crate::spans::span_of;

/// The keys of `#[tool(...)]`.
#[derive(Default)]
pub(crate) struct ToolOptions {
    pub(crate) name: Option<LitOrExpr<LitStr>>,
    pub(crate) description: Option<LitOrExpr<LitStr>>,
    /// The variant of `Auth`.
    pub(crate) auth: Option<LitOrExpr<&'static str>>,
    pub(crate) roles: Option<Roles>,
    pub(crate) annotations: Vec<(String, TokenStream)>,
    /// In milliseconds.
    pub(crate) timeout: Option<LitOrExpr<u64>>,
    pub(crate) max_concurrency: Option<LitOrExpr<u32>>,
    /// Calls and milliseconds.
    pub(crate) rate: Option<LitOrExpr<(u32, u64)>>,
    pub(crate) strict: LitOrExpr<bool>,
    pub(crate) allow_unknown: LitOrExpr<bool>,
    pub(crate) inline: LitOrExpr<bool>,
    pub(crate) expose_errors: LitOrExpr<bool>,
    pub(crate) no_output_schema: bool,
    pub(crate) output_schema_with: Option<ExprPath>,
    pub(crate) krate: Option<Path>,
}

/// The roles of a tool.
pub(crate) enum Roles {
    /// `[first, second]`
    Listed(Vec<Expr>),
    /// An expression of all of them.
    By(Expr),
}

const KEYS: [&str; 20] = [
    "name",
    "description",
    "auth",
    "roles",
    "read_only",
    "destructive",
    "idempotent",
    "open_world",
    "category",
    "annotations",
    "timeout",
    "max_concurrency",
    "rate",
    "strict",
    "allow_unknown",
    "inline",
    "expose_errors",
    "no_output_schema",
    "output_schema_with",
    "crate",
];

impl ToolOptions {
    /// Parses the keys and reports every error.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for item in parse_meta_items(tokens, &KEYS, errors) {
            let outcome = options.set(&item);
            errors.keep(outcome);
        }
        if let (true, Some(path)) = (options.no_output_schema, &options.output_schema_with) {
            errors.at(path, "`output_schema_with` declares a schema and `no_output_schema` none; keep one");
        }
        options
    }

    fn set(&mut self, item: &MetaItem) -> syn::Result<()> {
        match item.key.to_string().as_str() {
            "name" => self.name = Some(item.text("look_up")?),
            "description" => self.description = Some(description(item)?),
            "category" => self.annotate("category", item, typed(&item.text("orders")?, quote!(&str)))?,
            "read_only" => self.annotate("readOnlyHint", item, typed(&item.flag()?.code(), quote!(bool)))?,
            "destructive" => self.annotate("destructiveHint", item, typed(&item.flag()?.code(), quote!(bool)))?,
            "idempotent" => self.annotate("idempotentHint", item, typed(&item.flag()?.code(), quote!(bool)))?,
            "open_world" => self.annotate("openWorldHint", item, typed(&item.flag()?.code(), quote!(bool)))?,
            "annotations" => self.annotate_all(item)?,
            "auth" => self.auth = Some(auth(item)?),
            "roles" => self.roles = Some(roles(item)?),
            "timeout" => self.timeout = Some(item.text("20s")?.read(|text| timeout(&text))?),
            "max_concurrency" => self.max_concurrency = Some(item.count(CONCURRENCY)?),
            "rate" => self.rate = Some(rate(item)?),
            "crate" => self.krate = Some(crate_path(item)?),
            "strict" => self.set_strict(item)?,
            "allow_unknown" => self.allow_unknown = item.flag()?,
            "inline" => self.inline = item.flag()?,
            "expose_errors" => self.expose_errors = item.flag()?,
            "no_output_schema" => self.no_output_schema = item.written_flag()?,
            "output_schema_with" => self.output_schema_with = Some(schema_function(item)?),
            other => unreachable!("`{other}` is among `KEYS` and read nowhere"),
        }
        Ok(())
    }

    /// The platform learns of it by an annotation: it changes the arguments of other tools into what was meant.
    fn set_strict(&mut self, item: &MetaItem) -> syn::Result<()> {
        self.strict = item.flag()?;
        match &self.strict {
            LitOrExpr::Lit(false) => Ok(()),
            strict => self.annotate("strictArguments", item, typed(&strict.code(), quote!(bool))),
        }
    }

    fn annotate(&mut self, key: &str, item: &MetaItem, value: TokenStream) -> syn::Result<()> {
        self.add_annotation(key.to_owned(), item.key.span(), value)
    }

    fn annotate_all(&mut self, item: &MetaItem) -> syn::Result<()> {
        for Annotation { key, span, value } in annotations(item)? {
            self.add_annotation(key, span, plain(&value)?)?;
        }
        Ok(())
    }

    fn add_annotation(&mut self, key: String, span: Span, value: TokenStream) -> syn::Result<()> {
        if self.annotations.iter().any(|(earlier, _)| *earlier == key) {
            return Err(syn::Error::new(span, format!("the annotation `{key}` is given twice; keep one")));
        }
        self.annotations.push((key, value));
        Ok(())
    }
}

/// The value of an annotation, which has one type.
fn typed(value: &impl ToTokens, ty: TokenStream) -> TokenStream {
    let span = span_of(value);
    quote_spanned!(span=> __platools::json::<#ty>(#value))
}

fn description(item: &MetaItem) -> syn::Result<LitOrExpr<LitStr>> {
    item.text("Look up one order.")?.read(|text| match text.value().trim() {
        "" => Err(syn::Error::new(text.span(), "say what the tool does: models choose tools by their description")),
        trimmed => Ok(LitStr::new(trimmed, text.span())),
    })
}

fn auth(item: &MetaItem) -> syn::Result<LitOrExpr<&'static str>> {
    const WORDS: [(&str, &str); 3] = [("none", "None"), ("user", "User"), ("admin", "Admin")];
    let known = |written: &str| WORDS.iter().find(|(word, _)| *word == written);
    if let MetaValue::Is(Expr::Path(path)) = &item.value
        && let Some((word, _)) = path.path.get_ident().and_then(|ident| known(&ident.to_string()))
    {
        return Err(item.wrong(&format!("`auth` takes a string: write `auth = \"{word}\"`")));
    }
    item.text("user")?.read(|text| {
        let written = text.value();
        if let Some((_, variant)) = known(&written) {
            return Ok(*variant);
        }
        let meant = closest(&written, &WORDS.map(|(word, _)| word));
        let hint = meant.map(|word| format!("; did you mean \"{word}\"?")).unwrap_or_default();
        Err(syn::Error::new(text.span(), format!("`auth` is \"none\", \"user\" or \"admin\"{hint}")))
    })
}

fn roles(item: &MetaItem) -> syn::Result<Roles> {
    let wrong = || item.wrong("`roles` takes a list of strings, such as `roles = [\"support\", \"admin\"]`");
    let MetaValue::Is(written) = &item.value else { return Err(wrong()) };
    let Expr::Array(ExprArray { elems, .. }) = written else {
        return if matches!(written, Expr::Lit(_)) { Err(wrong()) } else { Ok(Roles::By(written.clone())) };
    };
    let checked = elems.iter().map(|role| match role {
        Expr::Lit(ExprLit { lit, .. }) if !matches!(lit, Lit::Str(_)) => {
            Err(syn::Error::new_spanned(role, "a role is a string, such as `\"support\"`"))
        }
        role => Ok(role.clone()),
    });
    checked.collect::<syn::Result<_>>().map(Roles::Listed)
}

fn timeout(text: &LitStr) -> syn::Result<u64> {
    units::time(&text.value()).map(milliseconds).map_err(|problem| syn::Error::new(text.span(), problem))
}

fn rate(item: &MetaItem) -> syn::Result<LitOrExpr<(u32, u64)>> {
    item.text("10/s")?.read(|text| {
        let (calls, per) = units::rate(&text.value()).map_err(|problem| syn::Error::new(text.span(), problem))?;
        Ok((calls, milliseconds(per)))
    })
}

/// The milliseconds of a time that was read as a number of them.
fn milliseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

const CONCURRENCY: &str = "`max_concurrency` takes a whole number above zero, such as `max_concurrency = 4`";

/// The path of the crate `platools`.
pub(crate) fn crate_path(item: &MetaItem) -> syn::Result<Path> {
    let wrong = || item.wrong("`crate` takes the path of the platools crate, such as `crate = my_crate::platools`");
    match &item.value {
        MetaValue::Is(Expr::Path(ExprPath { path, qself: None, .. })) => Ok(path.clone()),
        // In quotes, as serde writes it.
        MetaValue::Is(Expr::Lit(ExprLit { lit: Lit::Str(path), .. })) => path.parse().map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// The path of a function that describes results.
fn schema_function(item: &MetaItem) -> syn::Result<ExprPath> {
    match &item.value {
        MetaValue::Is(Expr::Path(path)) => Ok(path.clone()),
        _ => Err(item.wrong(
            "`output_schema_with` takes the path of a function from `&mut SchemaGenerator` to `Schema`, such as \
             `output_schema_with = order_schema`",
        )),
    }
}

/// `key = value` of `annotations(...)`.
struct Annotation {
    key: String,
    span: Span,
    value: Expr,
}

impl Parse for Annotation {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let span = input.span();
        let key = match input.peek(LitStr) {
            true => input.parse::<LitStr>()?.value(),
            false => syn::Ident::parse_any(input)?.to_string(),
        };
        input.parse::<Token![=]>()?;
        Ok(Self { key, span, value: ungrouped(input.parse()?) })
    }
}

fn annotations(item: &MetaItem) -> syn::Result<Punctuated<Annotation, Token![,]>> {
    const FORM: &str = "`annotations` takes keys and plain values, such as `annotations(cost = 3, team = \"billing\")`";
    let MetaValue::Of(tokens) = &item.value else { return Err(item.wrong(FORM)) };
    Punctuated::parse_terminated.parse2(tokens.clone()).map_err(|_| item.wrong(FORM))
}

/// An annotation as JSON. Numbers that are written out become `i64` or `f64`; other expressions bring their types.
fn plain(value: &Expr) -> syn::Result<TokenStream> {
    const KINDS: &str = "an annotation is a string, a number, `true` or `false`";
    let number = match value {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => number(expr)?.map(|number| quote!(-#number)),
        other => number(other)?.map(|number| quote!(#number)),
    };
    let span = span_of(value);
    match value {
        _ if number.is_some() => Ok(quote!(__platools::json(#number))),
        Expr::Lit(ExprLit { lit: Lit::Str(_) | Lit::Bool(_), .. }) => Ok(quote!(__platools::json(#value))),
        Expr::Lit(_) | Expr::Array(_) | Expr::Tuple(_) | Expr::Range(_) | Expr::Closure(_) => {
            Err(syn::Error::new_spanned(value, KINDS))
        }
        _ => Ok(quote_spanned!(span=> __platools::json(#value))),
    }
}

fn number(value: &Expr) -> syn::Result<Option<Literal>> {
    Ok(match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => Some(Literal::i64_suffixed(number.base10_parse()?)),
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => match number.base10_parse::<f64>()? {
            finite if finite.is_finite() => Some(Literal::f64_suffixed(finite)),
            _ => return Err(syn::Error::new(number.span(), "the number does not fit an `f64`; write a smaller one")),
        },
        _ => None,
    })
}
