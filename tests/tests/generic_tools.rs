//! Tests of tools that are methods of generic types.

use std::sync::Arc;

use platools::{Context, Tool, ToolError, ToolRegistry, tool};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

trait Store: Send + Sync {
    const LIMIT: u32;
    type Item;
    fn find(&self, id: u32) -> impl Future<Output = Option<String>> + Send;
}

struct Memory;

impl Store for Memory {
    const LIMIT: u32 = 10;
    type Item = Item;
    async fn find(&self, id: u32) -> Option<String> {
        (id < Self::LIMIT).then(|| format!("order {id}"))
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Item {
    units: u8,
}

struct Orders<S> {
    store: S,
}

#[tool]
impl<S: Store> Orders<S> {
    const DESCRIPTION: &str = "Count the orders.";
    const FIRST: u32 = 1;

    /// Find an order.
    #[tool(read_only)]
    async fn find(
        &self,
        #[arg(default = Self::FIRST, range(..=S::LIMIT))] id: u32,
        ctx: &Context,
    ) -> Result<String, ToolError> {
        let _ = ctx;
        self.store.find(id).await.ok_or_else(|| ToolError::new("there is no such order"))
    }

    #[tool(name = "count", description = Self::DESCRIPTION)]
    fn count() -> u32 {
        S::LIMIT
    }

    fn untouched(&self) -> &S {
        &self.store
    }
}

#[tokio::test]
async fn methods_of_a_generic_type_are_tools_of_each_of_its_types() {
    let orders = Arc::new(Orders { store: Memory });
    let registry = ToolRegistry::new().with_tools(Arc::clone(&orders)).expect("two tools");
    let call = async |name: &str, params: Value| registry.call(name, params).await;
    assert_eq!(registry.names(), ["find", "count"]);
    assert_eq!(call("find", json!({})).await.expect("a default"), "order 1");
    assert_eq!(call("find", json!({"id": "7"})).await.expect("it fits"), "order 7");
    assert_eq!(call("find", json!({"id": 10})).await.expect_err("it is not there").message(), "there is no such order");
    assert!(call("find", json!({"id": 11})).await.expect_err("too large").message().contains("at most 10"));
    assert_eq!(call("count", json!({})).await.expect("no arguments"), 10);
    assert_eq!(registry.definitions()[1].description, "Count the orders.");
    let _: &Memory = orders.untouched();
    ToolRegistry::new().with_tools(Orders { store: Memory }).expect("a value of its own");
}

/// A type whose parameters are bound by a `where` clause, named in signatures, or constants.
struct Shelf<S: Store, T, const N: usize>
where
    T: Clone,
{
    store: S,
    value: T,
}

#[tool]
impl<S, T, E, const N: usize> Shelf<S, T, N>
where
    S: Store<Item = E>,
    E: DeserializeOwned + Serialize + JsonSchema + Send,
    T: Clone + Serialize + JsonSchema + Send + Sync,
    Self: Sized,
{
    /// Give back an item, so many times.
    #[tool]
    async fn repeat(
        &self,
        /// The item.
        item: E,
        others: Vec<S::Item>,
        #[arg(default = N, range(..=N))] times: usize,
    ) -> Result<Vec<Value>, serde_json::Error> {
        assert!(others.is_empty());
        let _ = &self.store;
        Ok(vec![serde_json::to_value(item)?; times])
    }

    /// Give what is held.
    #[tool]
    fn held(&self) -> T {
        self.value.clone()
    }
}

#[tokio::test]
async fn schemas_are_those_of_the_types_that_a_value_has() {
    let registry = ToolRegistry::new().with_tools(Shelf::<_, _, 2> { store: Memory, value: "held".to_owned() });
    let registry = registry.expect("two tools");
    let [repeat, held] = &registry.definitions()[..] else { panic!("there are two tools") };
    let schema = repeat.input_schema.to_string();
    assert!(schema.contains("units"), "{schema}");
    assert_eq!(repeat.input_schema["properties"]["times"]["default"], 2);
    assert_eq!(held.output_schema, Some(json!({"type": "string"})));
    let params = json!({"item": {"units": 3}, "others": []});
    let twice = registry.call("repeat", params).await.expect("it fits");
    assert_eq!(twice, json!([{"units": 3}, {"units": 3}]));
    assert_eq!(registry.call("held", json!({})).await.expect("no arguments"), "held");
}

struct Borrowing<T: ?Sized>(Arc<T>);

trait Greet: Send + Sync {
    fn greet(&self) -> String;
}

impl Greet for u8 {
    fn greet(&self) -> String {
        format!("hello {self}")
    }
}

#[tool]
impl<T: Greet + ?Sized> Borrowing<T> {
    /// Greet, with state of the registry.
    #[tool]
    async fn greet(&self, state: &Arc<T>) -> (String, String) {
        (self.0.greet(), state.greet())
    }
}

#[tokio::test]
async fn types_without_a_size_and_state_of_a_generic_type_are_taken() {
    let (held, state): (Arc<dyn Greet>, Arc<dyn Greet>) = (Arc::new(1_u8), Arc::new(2_u8));
    let registry = ToolRegistry::new().with_state(state).with_tools(Borrowing(held)).expect("one tool");
    assert_eq!(registry.call("greet", json!({})).await.expect("no arguments"), json!(["hello 1", "hello 2"]));
}

#[test]
fn two_types_of_one_generic_type_need_registries_of_their_own() {
    let registry = ToolRegistry::new().with_tools(Borrowing(Arc::new(1_u8))).expect("one tool");
    let tools: Vec<Box<dyn Tool>> = platools::tool::IntoTools::into_tools(Borrowing(Arc::new(2_u8)));
    registry.insert(tools).expect_err("the name is taken");
}
