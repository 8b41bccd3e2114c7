//! Tests of limits that authors declare on the fields of a type, with attributes of schemars, garde and validator.

use std::collections::HashMap;

use platools::tool::code;
use platools::{ToolRegistry, tool, tools};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// With the attributes of schemars.
mod own {
    use super::*;

    #[derive(Deserialize, JsonSchema)]
    pub(super) struct Review {
        #[schemars(range(min = 1, max = 5))]
        pub(super) stars: u8,
        #[schemars(length(min = 2, max = 3))]
        pub(super) title: Option<String>,
        #[schemars(length(max = 2), inner(length(max = 3)))]
        #[serde(default)]
        pub(super) tags: Vec<String>,
    }
}

/// With the attributes of garde.
mod by_garde {
    use garde::Validate;

    use super::*;

    #[derive(Deserialize, JsonSchema, Validate)]
    pub(super) struct Review {
        #[garde(range(min = 1, max = 5))]
        pub(super) stars: u8,
        #[garde(length(min = 2, max = 3))]
        pub(super) title: Option<String>,
        #[garde(length(max = 2), inner(length(max = 3)))]
        #[serde(default)]
        pub(super) tags: Vec<String>,
    }
}

/// With the attributes of validator, which has none for the items of a list.
mod by_validator {
    use validator::Validate;

    use super::*;

    #[derive(Deserialize, JsonSchema, Validate)]
    pub(super) struct Review {
        #[validate(range(min = 1, max = 5))]
        pub(super) stars: u8,
        #[validate(length(min = 2, max = 3))]
        pub(super) title: Option<String>,
        #[validate(length(max = 2))]
        #[schemars(inner(length(max = 3)))]
        #[serde(default)]
        pub(super) tags: Vec<String>,
    }
}

/// A type that has another in every position.
#[derive(Deserialize, JsonSchema)]
struct Nested<R> {
    list: Option<Vec<R>>,
    by_name: Option<HashMap<String, R>>,
    boxed: Option<Box<Nested<R>>>,
    pair: Option<(u8, R)>,
}

impl<R> Nested<R> {
    /// All of them.
    fn reviews(self) -> Vec<R> {
        let inner = self.boxed.map(|boxed| boxed.reviews()).unwrap_or_default();
        let pair = self.pair.map(|(_, review)| review);
        let by_name = self.by_name.into_iter().flat_map(HashMap::into_values);
        self.list.into_iter().flatten().chain(by_name).chain(inner).chain(pair).collect()
    }
}

macro_rules! review_tools {
    ($($name:ident: $module:ident),*) => {$(
        /// Review something.
        #[tool]
        async fn $name(review: Option<$module::Review>, nested: Option<Nested<$module::Review>>) -> usize {
            let reviews = review.into_iter().chain(nested.into_iter().flat_map(Nested::reviews));
            reviews.map(|review| usize::from(review.stars) + review.title.map_or(0, |t| t.len()) + review.tags.len()).sum()
        }
    )*};
}
review_tools!(with_schemars: own, with_garde: by_garde, with_validator: by_validator);

/// The tools, called without a gateway.
fn registry() -> ToolRegistry {
    ToolRegistry::new().with_tools(tools![with_schemars, with_garde, with_validator]).expect("valid tools")
}

const TOOLS: [&str; 3] = ["with_schemars", "with_garde", "with_validator"];

/// A review in every position: alone, in a list, in a map, in a box, in a pair.
fn everywhere(review: &Value) -> [(Value, &'static str); 5] {
    [
        (json!({"review": review}), "review."),
        (json!({"nested": {"list": [review]}}), "nested.list[0]."),
        (json!({"nested": {"by_name": {"a": review}}}), "nested.by_name.a."),
        (json!({"nested": {"boxed": {"list": [review]}}}), "nested.boxed.list[0]."),
        (json!({"nested": {"pair": [1, review]}}), "nested.pair[1]."),
    ]
}

#[tokio::test]
async fn limits_of_fields_are_enforced_wherever_the_type_stands() {
    let wrong = [
        (json!({"stars": 6}), "stars"),
        (json!({"stars": 0}), "stars"),
        (json!({"stars": 5, "title": "a"}), "title"),
        (json!({"stars": 5, "title": "long"}), "title"),
        (json!({"stars": 5, "tags": ["a", "b", "c"]}), "tags"),
        (json!({"stars": 5, "tags": ["a", "long"]}), "tags[1]"),
    ];
    let registry = registry();
    for tool in TOOLS {
        for (review, field) in &wrong {
            for (arguments, place) in everywhere(review) {
                let error = registry.call(tool, arguments.clone()).await.expect_err("it is out of its limits");
                assert_eq!(error.code(), code::INVALID_ARGUMENTS, "{tool} {arguments}: {error}");
                assert!(error.message().contains(&format!("{place}{field}")), "{tool} {arguments}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn values_within_the_limits_are_taken() {
    let right = [
        (json!({"stars": 1}), 1),
        (json!({"stars": 5, "title": "abc"}), 8),
        (json!({"stars": 5, "title": null, "tags": []}), 5),
        (json!({"stars": 5, "tags": ["abc", ""]}), 7),
    ];
    let registry = registry();
    for tool in TOOLS {
        for (review, sum) in &right {
            for (arguments, _) in everywhere(review) {
                assert_eq!(registry.call(tool, arguments.clone()).await.expect("it fits"), *sum, "{tool} {arguments}");
            }
        }
    }
}

/// Forms of text, and a member that may not be left out.
#[derive(Deserialize, JsonSchema)]
struct Contact {
    #[schemars(regex(pattern = r"^[a-z]+-\d+$"))]
    id: Option<String>,
    #[validate(contains(pattern = "/"))]
    path: Option<String>,
    #[validate(required)]
    age: Option<u8>,
}

/// Add a contact.
#[tool]
async fn add_contact(contact: Contact) -> usize {
    let Contact { id, path, age } = contact;
    [id, path].into_iter().flatten().count() + usize::from(age.unwrap_or_default())
}

#[tokio::test]
async fn forms_of_texts_and_required_members_are_enforced() {
    let registry = ToolRegistry::new().with_tools(tools![add_contact]).expect("a valid tool");
    for (contact, problem) in [
        (json!({"age": 1, "id": "7-a"}), "contact.id"),
        (json!({"age": 1, "path": "a"}), "contact.path"),
        (json!({"id": "a-7"}), "contact.age"),
    ] {
        let arguments = json!({"contact": contact});
        let error = registry.call("add_contact", arguments).await.expect_err("it does not fit");
        assert_eq!(error.code(), code::INVALID_ARGUMENTS);
        assert!(error.message().contains(problem), "{error}");
    }
    let arguments = json!({"contact": {"age": 1, "id": "a-7", "path": "a/b"}});
    assert_eq!(registry.call("add_contact", arguments).await.expect("it fits"), 3);
}
