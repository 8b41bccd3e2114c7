//! [`declared`] and other functions: make a [`ToolDefinition`] for the code that `#[tool]` generates. They check the texts that the macro
//! cannot read when the tool compiles, such as constants and `include_str!`.

use std::num::NonZeroU32;
use std::time::Duration;

use platools_attributes::{Docs, check_argument, units};

use super::arguments::ParameterList;
use super::definition::{Auth, Rate, ToolDefinition};
use super::schema::input_schema;

/// The definition of a tool, with the schema of its parameters and the first mistake in them.
#[must_use]
pub fn declared(name: &str, description: &str, parameters: &dyn ParameterList, allow_unknown: bool) -> ToolDefinition {
    let schema = input_schema(parameters, allow_unknown);
    let mut definition = ToolDefinition::new(name, description.trim(), schema);
    if definition.description.is_empty() {
        definition
            .note("say what the tool does in its doc comment or with `description = ...`: models choose tools by it");
    }
    let mut names = Vec::new();
    parameters.each(&mut |parameter| {
        if let Err(mistake) = check_argument(parameter.name()) {
            definition.note(mistake);
        }
        if names.contains(&parameter.name()) {
            definition.note(format!("there are two arguments named `{}`; rename one", parameter.name()));
        }
        names.push(parameter.name());
        if let Some(mistake) = parameter.mistake() {
            definition.note(mistake);
        }
    });
    definition
}

/// Adds the descriptions of arguments from a doc comment that was not known when the tool was compiled.
///
/// `names` are those of all parameters. `undescribed` are the arguments that have no description yet, by their names in the function and
/// those that callers see.
pub fn describe(definition: &mut ToolDefinition, docs: &Docs, names: &[&str], undescribed: &[(&str, &str)]) {
    for (own, shown) in undescribed {
        let argument = definition.input_schema["properties"][*shown].as_object_mut();
        if let (Some(text), Some(argument)) = (docs.argument(own).or(docs.argument(shown)), argument) {
            argument.insert("description".to_owned(), text.into());
        }
    }
    let shown = undescribed.iter().map(|(_, shown)| *shown);
    let names: Vec<&str> = names.iter().copied().chain(shown).collect();
    if let Some((_, mistake)) = docs.about_nothing(&names).next() {
        definition.note(mistake);
    }
}

/// A value of a key of `#[tool(...)]` that an expression gives.
#[diagnostic::on_unimplemented(
    message = "the key takes a `{T}`, and this is a `{Self}`",
    label = "this is a `{Self}`",
    note = "a time is a `Duration` or text such as \"20s\", a rate a `platools::tool::Rate` or text such as \"10/s\", `auth` a \
            `platools::tool::Auth` or its name, and a number of calls any integer above zero"
)]
pub trait Setting<T> {
    /// The value, or what is wrong with it.
    ///
    /// # Errors
    /// The value is none that the key takes.
    fn setting(self) -> Result<T, String>;
}

macro_rules! settings {
    ($($given:ty => $wanted:ty: $convert:expr;)*) => {$(
        impl Setting<$wanted> for $given {
            fn setting(self) -> Result<$wanted, String> {
                $convert(self)
            }
        }
    )*};
}

settings! {
    Auth => Auth: Ok;
    &str => Auth: auth;
    Rate => Rate: Ok;
    &str => Rate: rate;
    Duration => Duration: timeout;
    &str => Duration: units::time;
    NonZeroU32 => NonZeroU32: Ok;
    u8 => NonZeroU32: calls;
    u16 => NonZeroU32: calls;
    u32 => NonZeroU32: calls;
    u64 => NonZeroU32: calls;
    usize => NonZeroU32: calls;
    i32 => NonZeroU32: calls;
}

fn auth(name: &str) -> Result<Auth, String> {
    let all = [Auth::None, Auth::User, Auth::Admin];
    let found = all.into_iter().find(|auth| auth.as_str() == name);
    found.ok_or_else(|| format!("`auth` is \"none\", \"user\" or \"admin\", and not \"{name}\""))
}

fn rate(text: &str) -> Result<Rate, String> {
    let (calls, per) = units::rate(text)?;
    NonZeroU32::new(calls)
        .map(|calls| Rate::new(calls, per))
        .ok_or_else(|| "a rate of zero would refuse every call".to_owned())
}

fn timeout(timeout: Duration) -> Result<Duration, String> {
    match timeout.is_zero() {
        true => Err("a timeout of zero would end every call before it starts".to_owned()),
        false => Ok(timeout),
    }
}

fn calls(number: impl TryInto<u32>) -> Result<NonZeroU32, String> {
    let number = number.try_into().ok().and_then(NonZeroU32::new);
    number.ok_or_else(|| "`max_concurrency` is a whole number above zero".to_owned())
}

/// Sets who may call the tool.
pub fn set_auth(definition: &mut ToolDefinition, auth: impl Setting<Auth>) {
    if let Some(auth) = definition.kept(auth.setting()) {
        definition.auth = auth;
    }
}

/// Sets how long a call may take.
pub fn set_timeout(definition: &mut ToolDefinition, timeout: impl Setting<Duration>) {
    definition.timeout = definition.kept(timeout.setting());
}

/// Sets how many calls run at once.
pub fn set_max_concurrency(definition: &mut ToolDefinition, calls: impl Setting<NonZeroU32>) {
    definition.max_concurrency = definition.kept(calls.setting());
}

/// Sets how many calls may start in a span of time.
pub fn set_rate(definition: &mut ToolDefinition, rate: impl Setting<Rate>) {
    definition.rate_limit = definition.kept(rate.setting());
}

impl ToolDefinition {
    /// Notes what the author got wrong, which they learn when the tool is registered. The first mistake counts.
    fn note(&mut self, mistake: impl Into<String>) {
        self.mistake.get_or_insert_with(|| mistake.into());
    }

    /// The value, or a note of what is wrong with it.
    fn kept<T>(&mut self, value: Result<T, String>) -> Option<T> {
        value.map_err(|mistake| self.note(mistake)).ok()
    }
}
