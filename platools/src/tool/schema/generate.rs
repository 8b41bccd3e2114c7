//! [`input_schema`]: generates the JSON Schema of a tool's arguments from their Rust types. `output_schema` generates the schema of the
//! result.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::tool::arguments::ParameterList;

/// Draft 2020-12 without the `$schema` key: every consumer assumes it, and it would be repeated in each tool.
fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None)
}

/// The schema of a tool's arguments: a plain object, its properties in the order of the parameters.
pub(crate) fn input_schema(parameters: &dyn ParameterList, allow_unknown: bool) -> Value {
    let mut generator = settings().for_deserialize().into_generator();
    let mut properties = Map::new();
    let mut required = Vec::new();
    parameters.each(&mut |parameter| {
        properties.insert(parameter.name().to_owned(), parameter.schema(&mut generator));
        if parameter.is_required() {
            required.push(parameter.name());
        }
    });
    let mut schema =
        Map::from_iter([("type".to_owned(), json!("object")), ("properties".to_owned(), Value::Object(properties))]);
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), json!(allow_unknown));
    let mut schema = Schema::from(with_definitions(schema, generator));
    RecursiveTransform(take_repeats).transform(&mut schema);
    schema.to_value()
}

/// The schema of arguments that are the fields of a type.
pub(crate) fn arguments_schema<A: JsonSchema>() -> Value {
    let mut schema = settings().for_deserialize().into_generator().into_root_schema_for::<A>();
    schema.remove("title");
    RecursiveTransform(take_repeats).transform(&mut schema);
    schema.to_value()
}

/// Sets take an item that is given twice, and keep it once.
fn take_repeats(schema: &mut Schema) {
    schema.remove("uniqueItems");
}

/// The schema of what a tool returns; `None` for `()` and for values of any shape, which it would say nothing about.
pub(crate) fn output_schema<T: JsonSchema>() -> Option<Value> {
    telling(settings().for_serialize().into_generator().into_root_schema_for::<T>().to_value())
}

/// The schema that a function gives of what a tool returns; `None` if it tells nothing.
#[must_use]
pub fn output_schema_with(describe: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Option<Value> {
    let mut generator = settings().for_serialize().into_generator();
    match describe(&mut generator).to_value() {
        Value::Object(schema) => telling(Value::Object(with_definitions(schema, generator))),
        _ => None,
    }
}

/// A schema without its title, which is a type's name and tells a caller nothing; `None` if nothing else is left.
fn telling(mut schema: Value) -> Option<Value> {
    let fields = schema.as_object_mut()?;
    fields.remove("title");
    let is_null = fields.get("type") == Some(&json!("null"));
    let is_any = fields.keys().all(|key| key == "description");
    (!is_null && !is_any).then_some(schema)
}

fn with_definitions(mut schema: Map<String, Value>, mut generator: SchemaGenerator) -> Map<String, Value> {
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}
