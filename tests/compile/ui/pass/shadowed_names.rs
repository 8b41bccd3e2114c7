#![allow(dead_code, non_camel_case_types, non_upper_case_globals)]

use platools::{Tool, tool, tools};

// Every name an expansion might be tempted to use unqualified.
struct Result;
struct Option;
struct String;
struct Vec;
struct Box;
struct Arc;
struct Ok;
struct Err;
struct Some;
struct None;
struct Handler;
struct Output;
struct State;
struct Injected;
struct ToolDefinition;
struct ToolError;
trait Clone {}
trait Default {}
trait Send {}
trait Sync {}
trait From {}
trait Future {}
mod core {}
mod std {}
mod serde_json {}
const definition: u8 = 1;
const returned: u8 = 1;
fn parameters() {}
trait Methods {
    fn kind_of_return(&self) {}
    fn tool_error(&self) {}
    fn get(&self) {}
    fn resolve(&self) {}
    fn split(&self) {}
    fn write(&self) {}
}

/// Shadowed.
#[tool(timeout = "1s", read_only)]
async fn shadowed(
    value: u8,
    #[arg(default = 1, range(..9))] output: u8,
    error: ::std::option::Option<&str>,
    context: &platools::Context,
) -> ::std::result::Result<u8, ::std::string::String> {
    let _ = (error, context);
    ::std::result::Result::Ok(value + output)
}

fn main() {
    assert_eq!(shadowed {}.definition().name, "shadowed");
    assert_eq!(tools![shadowed].len(), 1);
}
