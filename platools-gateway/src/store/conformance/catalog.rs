//! Tests of [`CatalogStore`](crate::ports::catalog::CatalogStore).

use platools_protocol::tool_sync::ToolDeclaration;
use serde_json::json;

use super::{TestStore, conformance};
use crate::domain::generation::Generation;
use crate::domain::identity::Scope;
use crate::domain::tool::StoredTool;

fn tool(name: &str) -> StoredTool {
    let declaration = ToolDeclaration::new(name, "", json!({"type": "object"}));
    StoredTool { declaration, fingerprint: "f".to_owned(), changed_ms: 1 }
}

async fn a_write_of_an_earlier_generation_changes_nothing(store: TestStore) {
    let environment = store.directory().await.unwrap().environments[0].1.id.clone();
    let scope = Scope { entity: store.entity("e").await, environment };
    let (earlier, later) = (Generation::now(), Generation::now());
    assert_eq!(store.latest_generation().await.unwrap(), None);
    assert!(store.replace_tools(&scope, later, &[tool("later")]).await.unwrap());
    assert!(!store.replace_tools(&scope, earlier, &[tool("earlier")]).await.unwrap());
    let names = async || {
        let tools = store.tools().await.unwrap();
        tools.into_iter().map(|(_, tool)| tool.declaration.name).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["later"]);
    assert!(store.replace_tools(&scope, later, &[]).await.unwrap(), "one link may write again");
    assert!(!store.replace_tools(&scope, earlier, &[tool("earlier")]).await.unwrap());
    assert_eq!(names().await, [""; 0]);
    assert_eq!(store.latest_generation().await.unwrap(), Some(later));
}

async fn the_tools_of_one_scope_are_read_in_their_order(store: TestStore) {
    let environment = store.directory().await.unwrap().environments[0].1.id.clone();
    for (entity, names) in [("e", ["b", "a"]), ("f", ["c", "d"])] {
        let scope = Scope { entity: store.entity(entity).await, environment: environment.clone() };
        assert!(store.replace_tools(&scope, Generation::now(), &names.map(tool)).await.unwrap());
        let (owners, tools): (Vec<_>, Vec<_>) = store.tools_of(&scope).await.unwrap().into_iter().unzip();
        assert!(owners.iter().all(|owner| owner.scope() == scope && owner.entity == entity));
        assert!(tools.iter().map(|tool| tool.declaration.name.as_str()).eq(names));
    }
}

conformance!(the_tools_of_one_scope_are_read_in_their_order, a_write_of_an_earlier_generation_changes_nothing,);
