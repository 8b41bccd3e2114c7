use platools::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use platools::serde::Serialize;
use platools::{Tool, tool};

/// A type of another crate, which has no schema.
#[derive(serde::Serialize)]
struct Foreign {
    a: u8,
}

/// Make one.
#[tool(no_output_schema)]
async fn undescribed() -> Foreign {
    Foreign { a: 1 }
}

fn foreign(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "properties": { "a": { "type": "integer" } } })
}

/// Make one.
#[tool(output_schema_with = foreign)]
async fn described() -> Result<Foreign, std::io::Error> {
    Ok(Foreign { a: 1 })
}

/// Derived without naming the crates in Cargo.toml.
#[derive(Serialize, JsonSchema)]
#[serde(crate = "platools::serde")]
#[schemars(crate = "platools::schemars")]
struct Order {
    #[schemars(schema_with = "foreign")]
    foreign: Foreign,
}

/// Make one.
#[tool]
async fn derived() -> Order {
    Order { foreign: Foreign { a: 1 } }
}

struct Shop;

#[platools::attr::tools]
impl Shop {
    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }

    /// Make one.
    #[tool(output_schema_with = Self::schema)]
    fn make(&self) -> Foreign {
        Foreign { a: 1 }
    }
}

fn main() {
    assert_eq!(undescribed {}.definition().output_schema, None);
    let declared = described {}.definition().output_schema.expect("a function describes it");
    assert_eq!(declared["properties"]["a"]["type"], "integer");
    let derived = derived {}.definition().output_schema.expect("it is derived");
    assert_eq!(derived["properties"]["foreign"]["properties"]["a"]["type"], "integer");
}
