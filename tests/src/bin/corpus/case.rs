//! [`Corpus`]: holds the tools of this worker, each with one call as a [`Case`]. [`echoes`] makes tools that return their argument.

use platools::Tool;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A valid call of a tool, and its result.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Case {
    pub(crate) tool: &'static str,
    pub(crate) arguments: Value,
    /// The value of the result.
    pub(crate) result: Value,
    /// The result is an object, which clients get as structured content, too.
    pub(crate) structured: bool,
    /// The blocks of the result, of tools that return content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Value>,
    /// A part of the text of a result that is not what the output schema says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) broken: Option<&'static str>,
    /// The result may be too long to arrive.
    pub(crate) long: bool,
}

/// Tools with their cases.
#[derive(Default)]
pub(crate) struct Corpus {
    pub(crate) tools: Vec<Box<dyn Tool>>,
    pub(crate) cases: Vec<Case>,
}

impl Corpus {
    /// All tools and cases of these.
    pub(crate) fn whole(corpora: impl IntoIterator<Item = Self>) -> Self {
        corpora.into_iter().fold(Self::default(), |mut whole, corpus| {
            whole.tools.extend(corpus.tools);
            whole.cases.extend(corpus.cases);
            whole
        })
    }
}

/// The result of a tool that returns its argument: an object, so that clients check it against its schema.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Echo<T> {
    pub(crate) value: T,
}

/// Makes a tool for each type, and the function `corpus`. After the type comes a value, and after `=>` the value that returns where that differs.
macro_rules! echoes {
    ($($(#[$attribute:meta])* $name:ident: $type:ty, $given:tt $(=> $returned:tt)?;)*) => {
        $(
            /// Return the value.
            #[platools::tool]
            $(#[$attribute])*
            async fn $name(value: $type) -> crate::case::Echo<$type> {
                crate::case::Echo { value }
            }
        )*

        /// A tool for each type.
        pub(crate) fn corpus() -> crate::case::Corpus {
            let mut cases = Vec::new();
            $(
                let given = serde_json::json!($given);
                #[allow(unused_mut, unused_assignments, reason = "only some have a second form")]
                let mut returned = given.clone();
                $(returned = serde_json::json!($returned);)?
                cases.push(crate::case::Case {
                    tool: stringify!($name),
                    arguments: serde_json::json!({ "value": given }),
                    result: serde_json::json!({ "value": returned }),
                    structured: true,
                    ..crate::case::Case::default()
                });
            )*
            crate::case::Corpus { tools: platools::tools![$($name),*], cases }
        }
    };
}

pub(crate) use echoes;
