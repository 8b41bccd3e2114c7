//! [`Rule`]: names the rules of the doctor, each with its code and its [`Severity`].

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The weight of a finding. A later one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A hint.
    Info,
    /// A mistake that makes a tool harder to use.
    Warning,
    /// A mistake that keeps callers from using a tool, or gives a secret away.
    Error,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Declares the rules: name, code, severity and description of each.
macro_rules! rules {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal, $severity:ident, $text:literal;)*) => {
        /// A rule of the doctor.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[doc = $doc])* $name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code by which findings of the rule are known.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The severity of its findings.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// The rule in a sentence.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

rules! {
    /// `unreachable_param`, an error: no other tool returns a required argument, and `x-user-providable` in its schema does not say that people
    /// know it.
    UnreachableParam = "unreachable_param", Error, "A required argument comes from another tool or from a person.";
    /// `type_mismatch`, a warning: another tool returns the value of a required argument with another type.
    TypeMismatch = "type_mismatch", Warning, "A required argument has the type that other tools return it with.";
    /// `circular_dependency`, an error: the required arguments of tools come from each other's results.
    CircularDependency = "circular_dependency", Error, "Tools do not need each other's results in a circle.";
    /// `orphan_tool`, an info: no agent has the tool.
    OrphanTool = "orphan_tool", Info, "Some agent has the tool.";
    /// `short_tool_description`, a warning: the description of a tool has less than ten characters.
    ShortToolDescription = "short_tool_description", Warning, "A tool has a description of at least ten characters.";
    /// `short_param_description`, a warning: the description of an argument has less than ten characters.
    ShortParamDescription = "short_param_description", Warning, "An argument has a description of at least ten characters.";
    /// `no_return_schema`, a warning: the tool declares no schema of its result.
    NoReturnSchema = "no_return_schema", Warning, "A tool declares the schema of its result.";
    /// `ambiguous_output`, an info: several tools return a value of the same name.
    AmbiguousOutput = "ambiguous_output", Info, "One tool returns a value of a name.";
    /// `permission_gap`, a warning: no agent has a role that the tool asks for.
    PermissionGap = "permission_gap", Warning, "Some agent has each role of a tool.";
    /// `overly_broad_tool`, an info: the tool has more than ten arguments.
    OverlyBroadTool = "overly_broad_tool", Info, "A tool has at most ten arguments.";
    /// `missing_destructive_hint`, a warning: the name of a tool says that it destroys something, and no hint does.
    MissingDestructiveHint = "missing_destructive_hint", Warning, "A tool that deletes something says so with `destructive`.";
    /// `clashing_name`, a warning: the names of two tools differ only in case, `-` and `_`.
    ClashingName = "clashing_name", Warning, "Names of tools differ in more than case, `-` and `_`.";
    /// `confusable_name`, an info: the names of two tools differ in one letter.
    ConfusableName = "confusable_name", Info, "Names of tools differ in more than one letter.";
    /// `openai_not_strict`, a warning: the tool has no strict form for OpenAI, so that models may send arguments that do not fit.
    OpenAiNotStrict = "openai_not_strict", Warning, "A tool has a strict form for OpenAI.";
    /// `openai_long_description`, a warning: the description has more than 1,024 characters, and OpenAI's models do not get its end.
    OpenAiLongDescription = "openai_long_description", Warning, "A description has at most 1,024 characters.";
    /// `anthropic_renamed_param`, an info: Anthropic does not take the name of an argument, and models get another one.
    AnthropicRenamedParam = "anthropic_renamed_param", Info, "Names of arguments are letters, digits, `_`, `.` and `-`.";
    /// `gemini_in_words`, an info: Gemini lacks keywords of the schema, and its models read them as sentences.
    GeminiInWords = "gemini_in_words", Info, "Schemas have the keywords that Gemini knows.";
    /// `secret_in_schema`, an error: a default or an example looks like a secret, and every caller reads it.
    SecretInSchema = "secret_in_schema", Error, "Defaults and examples have no secrets.";
    /// `unbounded_string`, an info: a text of any length is taken.
    UnboundedString = "unbounded_string", Info, "Texts have a limit of length.";
    /// `unbounded_list`, an info: a list of any length is taken.
    UnboundedList = "unbounded_list", Info, "Lists have a limit of length.";
    /// `missing_example`, an info: neither the schema nor the description of a text has an example.
    MissingExample = "missing_example", Info, "A text has an example, or its description names one.";
    /// `unused_allowance`, an info: an allowance has no finding to allow.
    UnusedAllowance = "unused_allowance", Info, "Each allowance allows a finding.";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(code: &str) -> Result<Self, UnknownRule> {
        Self::ALL.iter().copied().find(|rule| rule.code() == code).ok_or_else(|| UnknownRule(code.to_owned()))
    }
}

/// An error of a code that no rule has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRule(String);

impl fmt::Display for UnknownRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = Rule::ALL.iter().map(|rule| rule.code()).collect();
        write!(f, "there is no rule `{}`; the rules are {}", self.0, codes.join(", "))
    }
}

impl std::error::Error for UnknownRule {}
