//! Tests of tools whose texts and settings are constants, files or expressions instead of literals.

use std::time::Duration;

use platools::tool::{Auth, Execution, Rate};
use platools::{ErrorKind, Tool, ToolDefinition, ToolRegistry, tool, tools};
use serde_json::{Value, json};

/// The description of an argument.
fn described(definition: &ToolDefinition, argument: &str) -> Value {
    definition.input_schema["properties"][argument]["description"].clone()
}

mod texts {
    pub(crate) const FIND: &str = "\nFind orders.\n\n# Errors\n\nStays, as it is.\n";
    pub(crate) const NAME: &str = "find-orders";
    pub(crate) const ARGUMENT: &str = "customer-id";

    macro_rules! unit {
        () => {
            "in grams"
        };
    }
    pub(crate) use unit;
}

#[test]
fn a_description_is_any_constant_text_and_taken_as_it_is() {
    const LIMIT: u8 = 5;
    /// Is not read.
    #[tool(description = texts::FIND)]
    fn by_path() {}
    #[tool(description = concat!("Find", " ", "orders."))]
    fn joined() {}
    #[tool(description = include_str!("texts/find.md"))]
    fn from_file() {}
    #[tool(description = &format!("Find {LIMIT} orders."))]
    fn formatted() {}
    #[tool(description(concat!("In ", "parentheses.")))]
    fn in_parentheses() {}
    #[tool(description = " Literal. ")]
    fn literal() {}
    let descriptions = tools![by_path, joined, from_file, formatted, in_parentheses, literal];
    let descriptions: Vec<_> = descriptions.iter().map(|tool| tool.definition().description).collect();
    assert_eq!(
        descriptions,
        [
            "Find orders.\n\n# Errors\n\nStays, as it is.",
            "Find orders.",
            include_str!("texts/find.md").trim(),
            "Find 5 orders.",
            "In parentheses.",
            "Literal.",
        ]
    );
}

#[doc = include_str!("texts/find.md")]
#[tool]
fn find(
    customer: String,
    #[arg(name = "limit")] most: u8,
    #[doc = concat!("Weight, ", texts::unit!(), ", see [`Order`].")] weight: Option<u32>,
) {
    let _ = (customer, most, weight);
}

#[test]
fn a_doc_comment_from_a_file_is_read_as_one_in_the_source() {
    let definition = find {}.definition();
    assert_eq!(definition.description, "Find orders by `Customer`.");
    assert_eq!(described(&definition, "customer"), "Id of the customer, as printed.");
    assert_eq!(described(&definition, "limit"), "How many orders.");
    assert_eq!(described(&definition, "weight"), "Weight, in grams, see `Order`.");
}

#[test]
fn parts_of_a_doc_comment_are_joined_in_order() {
    /// First.
    ///
    #[doc = concat!("Weights are ", texts::unit!(), ".")]
    #[doc(alias = "mixing")]
    #[cfg_attr(all(), doc = "\nIs here.")]
    #[cfg_attr(any(), doc = "Is not here.")]
    ///
    /// # Arguments
    /// * `weight` - Of the section.
    /// * `own` - Not shown.
    #[tool]
    fn mixed(
        weight: u8,
        /// Of its own.
        own: u8,
        #[cfg_attr(any(), doc = "Is not here.")] bare: u8,
    ) {
        let _ = (weight, own, bare);
    }
    let definition = mixed {}.definition();
    assert_eq!(definition.description, "First.\n\nWeights are in grams.\n\nIs here.");
    assert_eq!(described(&definition, "weight"), "Of the section.");
    assert_eq!(described(&definition, "own"), "Of its own.");
    assert_eq!(described(&definition, "bare"), Value::Null);
}

/**
 * Look up one [`Order`].
 *
 * - by id,
 *   - or by name.
 *
 * # Arguments
 *
 * * `id` - The id,
 *   as printed.
 * * `note` - A note.
 *
 * # Examples
 *
 * ```
 * # let hidden = 1;
 * ```
 */
#[tool]
fn with_stars(id: String, note: Option<String>) {
    let _ = (id, note);
}

/**
    Look up.

    * `a`
    * `b`
*/
#[tool]
fn without_stars() {}

#[test]
fn block_comments_are_read_without_their_stars() {
    let definition = with_stars {}.definition();
    assert_eq!(definition.description, "Look up one `Order`.\n\n- by id,\n  - or by name.");
    assert_eq!(described(&definition, "id"), "The id, as printed.");
    assert_eq!(described(&definition, "note"), "A note.");
    assert_eq!(without_stars {}.definition().description, "Look up.\n\n* `a`\n* `b`");
}

#[test]
fn sections_for_readers_of_the_code_are_left_out() {
    /// Divide.
    ///
    /// # Panics
    /// Never.
    ///
    /// # Rounding
    /// Down, as in:
    ///
    /// ```
    /// # let seven = 7;
    /// seven / 2
    /// ```
    ///
    /// # Errors
    /// By zero.
    ///
    /// # Examples
    /// ```
    /// # Arguments
    /// ```
    ///
    /// # Safety
    /// Safe.
    #[tool]
    fn divide() {}
    let expected = "Divide.\n\n# Rounding\nDown, as in:\n\n```\nseven / 2\n```";
    assert_eq!(divide {}.definition().description, expected);
}

const ROLES: [&str; 2] = ["support", "admin"];
const TIMEOUT: &str = "5m";
const MOST: usize = 4;

/// Do it.
#[tool(
    name = texts::NAME,
    category = concat!("Do", " it"),
    auth = Auth::Admin,
    roles = ROLES,
    read_only = cfg!(any()),
    annotations(cost = MOST as u64 * 2, unit = texts::unit!()),
    timeout = TIMEOUT,
    max_concurrency = MOST,
    rate = Rate::new(std::num::NonZeroU32::MIN, Duration::from_secs(2)),
    strict = cfg!(all()),
    allow_unknown = cfg!(all()),
    inline = cfg!(all()),
    expose_errors = cfg!(all())
)]
fn constants(#[arg(name = texts::ARGUMENT, description = texts::FIND, pattern = TIMEOUT)] customer: String) -> String {
    customer
}

#[tokio::test]
async fn every_key_takes_an_expression() {
    let definition = constants {}.definition();
    assert_eq!((definition.name.as_str(), definition.auth), ("find-orders", Auth::Admin));
    assert_eq!(definition.roles, ROLES);
    assert_eq!(
        Value::Object(definition.annotations.clone()),
        json!({
            "category": "Do it", "readOnlyHint": false, "cost": 8, "unit": "in grams",
            "strictArguments": true,
        })
    );
    assert_eq!(definition.timeout, Some(Duration::from_secs(300)));
    assert_eq!(definition.max_concurrency.map(u32::try_from), Some(Ok(4)));
    assert_eq!(definition.rate_limit, Some(Rate::new(std::num::NonZeroU32::MIN, Duration::from_secs(2))));
    assert_eq!((definition.execution, definition.expose_errors), (Execution::Inline, true));
    assert_eq!(described(&definition, "customer-id"), "Find orders.\n\n# Errors\n\nStays, as it is.");
    let registry = ToolRegistry::new().with_tools(tools![constants]).expect("a valid tool");
    let call = async |params: Value| registry.call("find-orders", params).await;
    assert_eq!(call(json!({"customer-id": "5m", "other": 1})).await.expect("it fits"), "5m");
    call(json!({"customer-id": "5"})).await.expect_err("it does not match the pattern");
    call(json!({"customer-id": 5})).await.expect_err("the tool is strict");
}

#[test]
fn settings_may_have_the_types_of_a_definition_or_be_text() {
    #[tool(description = "Do it.", timeout = Duration::from_secs(5), rate = "2/m", auth = "user", roles = [texts::NAME, "b"])]
    fn mixed() {}
    let definition = mixed {}.definition();
    assert_eq!((definition.timeout, definition.auth), (Some(Duration::from_secs(5)), Auth::User));
    assert_eq!(definition.roles, ["find-orders", "b"]);
    assert_eq!(definition.rate_limit.map(Rate::per), Some(Duration::from_secs(60)));
}

#[test]
fn mistakes_in_texts_that_are_known_later_are_found_when_the_tool_is_registered() {
    const EMPTY: &str = " \n";
    const BAD: &str = "5 minutes";
    const UNDERSCORED: &str = "_id";
    #[tool(description = EMPTY)]
    fn empty() {}
    #[doc = concat!("# Errors\n", "None.")]
    #[tool]
    fn left_out() {}
    #[doc = concat!("Do it.\n# Arguments\n", "* `oder` - It.")]
    #[tool]
    fn elsewhere(order: u8) {
        let _ = order;
    }
    /// Do it.
    #[tool(timeout = BAD)]
    fn timeout() {}
    /// Do it.
    #[tool(max_concurrency = MOST - 4)]
    fn concurrency() {}
    /// Do it.
    #[tool(auth = BAD)]
    fn auth() {}
    /// Do it.
    #[tool(timeout = Duration::ZERO)]
    fn zero() {}
    /// Do it.
    #[tool]
    fn argument(#[arg(name = UNDERSCORED)] order: u8) {
        let _ = order;
    }
    /// Do it.
    #[tool]
    fn twice(#[arg(name = texts::NAME)] order: u8, #[arg(name = texts::NAME)] other: u8) {
        let _ = (order, other);
    }
    let registry = ToolRegistry::new();
    for (tools, part) in [
        (tools![empty], "say what the tool does"),
        (tools![left_out], "say what the tool does"),
        (tools![elsewhere], "did you mean `order`?"),
        (tools![timeout], "`5 minutes` is no span of time"),
        (tools![concurrency], "above zero"),
        (tools![auth], "\"none\", \"user\" or \"admin\""),
        (tools![zero], "a timeout of zero"),
        (tools![argument], "begin with `_`"),
        (tools![twice], "two arguments named `find-orders`"),
    ] {
        let error = registry.insert(tools).expect_err(part);
        assert_eq!(error.kind(), ErrorKind::InvalidTool);
        assert!(error.to_string().contains(part), "{error}");
    }
}
