//! What `#[tool(...)]` says.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprArray, ExprLit, ExprPath, Lit, LitStr, Path, Token};

use crate::errors::Errors;
use crate::keys::{Entry, Value, closest, entries};
use crate::units;

/// The keys of `#[tool(...)]`.
#[derive(Default)]
pub(crate) struct ToolOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) auth: Option<&'static str>,
    pub(crate) roles: Vec<LitStr>,
    pub(crate) annotations: Vec<(String, TokenStream)>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) max_concurrency: Option<u32>,
    pub(crate) rate: Option<(u32, u64)>,
    pub(crate) strict: bool,
    pub(crate) allow_unknown: bool,
    pub(crate) inline: bool,
    pub(crate) expose_errors: bool,
    pub(crate) no_output_schema: bool,
    pub(crate) output_schema_with: Option<ExprPath>,
    pub(crate) krate: Option<Path>,
}

const KEYS: [&str; 22] = [
    "name",
    "description",
    "title",
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
    "rate_limit",
    "strict",
    "allow_unknown",
    "inline",
    "expose_errors",
    "no_output_schema",
    "output_schema_with",
    "crate",
];

impl ToolOptions {
    /// Reads the keys, and notes every mistake.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for entry in entries(tokens, &KEYS, errors) {
            let outcome = options.set(&entry);
            errors.keep(outcome);
        }
        if let (true, Some(path)) = (options.no_output_schema, &options.output_schema_with) {
            errors.at(path, "`output_schema_with` declares a schema and `no_output_schema` none; keep one");
        }
        options
    }

    fn set(&mut self, entry: &Entry) -> syn::Result<()> {
        match entry.key.to_string().as_str() {
            "name" => self.name = Some(entry.text("look_up")?),
            "description" => self.description = Some(description(entry)?),
            "title" => self.annotate("title", entry, &entry.text("Look up")?)?,
            "category" => self.annotate("category", entry, &entry.text("orders")?)?,
            "read_only" => self.annotate("readOnlyHint", entry, &entry.flag()?)?,
            "destructive" => self.annotate("destructiveHint", entry, &entry.flag()?)?,
            "idempotent" => self.annotate("idempotentHint", entry, &entry.flag()?)?,
            "open_world" => self.annotate("openWorldHint", entry, &entry.flag()?)?,
            "annotations" => self.annotate_all(entry)?,
            "auth" => self.auth = Some(auth(entry)?),
            "roles" => self.roles = roles(entry)?,
            "timeout" => self.timeout_ms = Some(units::milliseconds(&entry.text("20s")?)?),
            "max_concurrency" => self.max_concurrency = Some(concurrency(entry)?),
            "rate" | "rate_limit" => self.rate = Some(self.only_rate(entry)?),
            "crate" => self.krate = Some(krate(entry)?),
            "strict" => self.set_strict(entry)?,
            "allow_unknown" => self.allow_unknown = entry.flag()?,
            "inline" => self.inline = entry.flag()?,
            "expose_errors" => self.expose_errors = entry.flag()?,
            "no_output_schema" => self.no_output_schema = entry.flag()?,
            "output_schema_with" => self.output_schema_with = Some(schema_function(entry)?),
            other => unreachable!("`{other}` is among `KEYS` and read nowhere"),
        }
        Ok(())
    }

    /// The platform learns of it by an annotation: it changes the arguments of other tools into what was meant.
    fn set_strict(&mut self, entry: &Entry) -> syn::Result<()> {
        self.strict = entry.flag()?;
        if self.strict { self.annotate("strictArguments", entry, &true) } else { Ok(()) }
    }

    fn only_rate(&self, entry: &Entry) -> syn::Result<(u32, u64)> {
        if self.rate.is_some() {
            return Err(syn::Error::new(entry.key.span(), "`rate` and `rate_limit` are one key; keep one"));
        }
        units::rate(&entry.text("10/s")?)
    }

    fn annotate(&mut self, key: &str, entry: &Entry, value: &impl ToTokens) -> syn::Result<()> {
        self.add_annotation(key.to_owned(), entry.key.span(), value.to_token_stream())
    }

    fn annotate_all(&mut self, entry: &Entry) -> syn::Result<()> {
        for Annotation { key, span, value, negative } in annotations(entry)? {
            self.add_annotation(key, span, plain(&value, negative)?)?;
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

fn description(entry: &Entry) -> syn::Result<LitStr> {
    let text = entry.text("Look up one order.")?;
    if text.value().trim().is_empty() {
        return Err(syn::Error::new(text.span(), "say what the tool does: models choose tools by their description"));
    }
    Ok(text)
}

fn auth(entry: &Entry) -> syn::Result<&'static str> {
    const WORDS: [(&str, &str); 3] = [("none", "None"), ("user", "User"), ("admin", "Admin")];
    let text = entry.text("user")?;
    let written = text.value();
    if let Some((_, variant)) = WORDS.iter().find(|(word, _)| *word == written) {
        return Ok(variant);
    }
    let meant = closest(&written, &WORDS.map(|(word, _)| word));
    let hint = meant.map(|word| format!("; did you mean \"{word}\"?")).unwrap_or_default();
    Err(syn::Error::new(text.span(), format!("`auth` is \"none\", \"user\" or \"admin\"{hint}")))
}

fn roles(entry: &Entry) -> syn::Result<Vec<LitStr>> {
    let wrong = || entry.wrong("`roles` takes a list of strings, such as `roles = [\"support\", \"admin\"]`");
    let Value::Is(Expr::Array(ExprArray { elems, .. })) = &entry.value else { return Err(wrong()) };
    elems
        .iter()
        .map(|role| match role {
            Expr::Lit(ExprLit { lit: Lit::Str(role), .. }) => Ok(role.clone()),
            other => Err(syn::Error::new_spanned(other, "a role is a string")),
        })
        .collect()
}

fn concurrency(entry: &Entry) -> syn::Result<u32> {
    let wrong = || entry.wrong("`max_concurrency` takes a whole number above zero, such as `max_concurrency = 4`");
    match &entry.value {
        Value::Is(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => {
            number.base10_parse().ok().filter(|number| *number > 0).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// The path of the crate `platools`.
pub(crate) fn krate(entry: &Entry) -> syn::Result<Path> {
    let wrong = || entry.wrong("`crate` takes the path of the platools crate, such as `crate = my_crate::platools`");
    match &entry.value {
        Value::Is(Expr::Path(ExprPath { path, qself: None, .. })) => Ok(path.clone()),
        // In quotes, as serde writes it.
        Value::Is(Expr::Lit(ExprLit { lit: Lit::Str(path), .. })) => path.parse().map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// The path of a function that describes results.
fn schema_function(entry: &Entry) -> syn::Result<ExprPath> {
    match &entry.value {
        Value::Is(Expr::Path(path)) => Ok(path.clone()),
        _ => Err(entry.wrong(
            "`output_schema_with` takes the path of a function from `&mut SchemaGenerator` to `Schema`, such as \
             `output_schema_with = order_schema`",
        )),
    }
}

/// `key = literal` of `annotations(...)`.
struct Annotation {
    key: String,
    span: Span,
    value: Lit,
    negative: bool,
}

impl Parse for Annotation {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let span = input.span();
        let key = match input.peek(LitStr) {
            true => input.parse::<LitStr>()?.value(),
            false => syn::Ident::parse_any(input)?.to_string(),
        };
        input.parse::<Token![=]>()?;
        let negative = input.parse::<Option<Token![-]>>()?.is_some();
        Ok(Self { key, span, value: input.parse()?, negative })
    }
}

fn annotations(entry: &Entry) -> syn::Result<Punctuated<Annotation, Token![,]>> {
    const FORM: &str = "`annotations` takes keys and plain values, such as `annotations(cost = 3, team = \"billing\")`";
    let Value::Of(tokens) = &entry.value else { return Err(entry.wrong(FORM)) };
    Punctuated::parse_terminated.parse2(tokens.clone()).map_err(|_| entry.wrong(FORM))
}

fn plain(value: &Lit, negative: bool) -> syn::Result<TokenStream> {
    let sign = if negative { -1 } else { 1 };
    Ok(match value {
        Lit::Str(text) => quote!(#text),
        Lit::Bool(flag) => quote!(#flag),
        Lit::Int(number) => signed(Literal::i64_suffixed(number.base10_parse::<i64>()?), sign),
        Lit::Float(number) => match number.base10_parse::<f64>()? {
            finite if finite.is_finite() => signed(Literal::f64_suffixed(finite), sign),
            _ => return Err(syn::Error::new(number.span(), "the number is larger than any `f64`")),
        },
        other => return Err(syn::Error::new_spanned(other, "an annotation is a string, a number, `true` or `false`")),
    })
}

fn signed(number: Literal, sign: i8) -> TokenStream {
    if sign < 0 { quote!(-#number) } else { quote!(#number) }
}
